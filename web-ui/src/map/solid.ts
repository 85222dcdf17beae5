// Solids and point clouds: 3D Tiles drawn by deck.gl in the map's own scene. Loaded for 3D only.

import { Tile3DLayer } from "@deck.gl/geo-layers";
import { MapboxOverlay } from "@deck.gl/mapbox";
import type { PickingInfo } from "@deck.gl/core";
import { Tiles3DLoader } from "@loaders.gl/3d-tiles";
import { address } from "../lib/ask";
import type { City } from "./city";
import { Faces } from "./faces";
import type { CityLayer } from "./model";
import { cloudTile, idAt, meshTile, type Tile } from "./tile";

export interface Hit {
  layer: CityLayer;
  id: string;
  at: [number, number];
  height?: number;
}

// Workers and decoders would come from another host; ours need neither.
const OPTIONS = { core: { worker: false }, worker: false, tileset: { maximumScreenSpaceError: 3, viewDistanceScale: 1.5 }, "3d-tiles": { loadGLTF: true }, gltf: { loadImages: false, decompressMeshes: false } };

/** A tileset's tiles name their parameters themselves; those of its own address come no second time. */
const LOADER = {
  ...Tiles3DLoader,
  parse: async (...given: Parameters<typeof Tiles3DLoader.parse>): Promise<unknown> => {
    const found = await Tiles3DLoader.parse(...given);
    if (found && "queryString" in found) found.queryString = "";
    return found;
  },
};

/** Draws what `city.solid` names; `ready` is told whether some of it is there. */
export class Solids {
  private readonly overlay = new MapboxOverlay({ interleaved: true, layers: [] });

  constructor(
    private readonly city: City,
    private readonly ready: (done: boolean) => void,
  ) {
    city.map.addControl(this.overlay);
    this.draw();
  }

  draw(): void {
    const layers = this.city.visible.filter((layer) => this.city.solid(layer)).map((layer) => this.layer(layer));
    this.ready(!layers.length);
    this.overlay.setProps({ layers });
  }

  private layer(layer: CityLayer): Tile3DLayer {
    const lod = layer.group === "clouds" ? null : String(this.city.state.lod === 2 ? 4 : this.city.state.lod);
    const way = this.city.state.colour.get(layer.slug) ?? "class";
    const url = address(layer.solids, layer.query, { lod, "as-of": this.city.state.when.known });
    const ground = this.city.state.terrain;
    return new Tile3DLayer({
      // Another time, level, colour or ground is another layer: its tiles are made anew.
      id: `${layer.slug}~solid~${url}~${way}~${ground}`,
      data: new URL(url, location.origin).href,
      loader: LOADER as never,
      loadOptions: OPTIONS as never,
      pickable: true,
      opacity: this.city.state.opacity.get(layer.slug) ?? 1,
      pointSize: 2.2,
      _subLayerProps: {
        pointcloud: { material: false },
        mesh: { type: Faces, getPosition: [0, 0, 0], material: { ambient: 0.55, diffuse: 0.5, shininess: 8, specularColor: [20, 20, 20] } },
      },
      autoHighlight: true,
      highlightColor: [240, 185, 103, 150],
      onTilesetLoad: () => this.drawn(),
      onTileLoad: (tile) => {
        if (layer.group === "clouds") cloudTile(tile as unknown as Tile, way, ground);
        else meshTile(tile as unknown as Tile, ground);
        this.drawn();
      },
      onTileError: (_tile: unknown, _url: string, message: string) => console.warn(message),
    });
  }

  private drawn(): void {
    this.ready(true);
    this.city.map.triggerRepaint();
  }

  /** What stands at a place of the screen. */
  pick(x: number, y: number): Hit | undefined {
    const info = this.overlay.pickObject({ x, y, radius: 3, unproject3D: true }) as PickingInfo | null;
    const slug = info?.layer?.id.split("~")[0];
    const layer = slug ? this.city.known.get(slug) : undefined;
    const id = info ? idAt(info.object as Tile | undefined, info.index) : undefined;
    if (!info || !layer || id === undefined) return undefined;
    const [lon, lat, height] = info.coordinate ?? this.city.map.unproject([x, y]).toArray();
    return { layer, id, at: [lon as number, lat as number], ...(height === undefined ? {} : { height }) };
  }

  remove(): void {
    this.city.map.removeControl(this.overlay);
  }
}
