// Solids and point clouds: 3D Tiles drawn by deck.gl in the map's own scene. Loaded for 3D only.

import { Tile3DLayer } from "@deck.gl/geo-layers";
import { MapboxOverlay } from "@deck.gl/mapbox";
import type { PickingInfo } from "@deck.gl/core";
import { Tiles3DLoader } from "@loaders.gl/3d-tiles";
import { address } from "../lib/ask";
import type { City } from "./city";
import type { CityLayer } from "./model";
import { cloudTile, idAt, meshTile, type Tile } from "./tile";

export interface Hit {
  layer: CityLayer;
  id: string;
  at: [number, number];
  height?: number;
}

// Workers and decoders would come from another host; ours need neither.
const OPTIONS = { core: { worker: false }, worker: false, tileset: { maximumScreenSpaceError: 6, viewDistanceScale: 1.5 }, "3d-tiles": { loadGLTF: true }, gltf: { loadImages: false, decompressMeshes: false } };

/** Draws what `city.solid` names; `ready` is told when nothing is left to load. */
export class Solids {
  private readonly overlay = new MapboxOverlay({ interleaved: true, layers: [] });
  private picked: [string, string] | null = null;
  private loading = 0;

  constructor(
    private readonly city: City,
    private readonly ready: (done: boolean) => void,
  ) {
    city.map.addControl(this.overlay);
    this.draw();
  }

  draw(): void {
    this.picked = this.city.state.picked;
    const layers = this.city.visible.filter((layer) => this.city.solid(layer)).map((layer) => this.layer(layer));
    this.overlay.setProps({ layers });
  }

  private layer(layer: CityLayer): Tile3DLayer {
    const lod = layer.group === "clouds" ? null : String(this.city.state.lod === 2 ? 4 : this.city.state.lod);
    const way = this.city.state.colour.get(layer.slug) ?? "class";
    const url = address(layer.solids, layer.query, { lod, "as-of": this.city.state.when.known });
    const picked = this.picked?.[0] === layer.slug ? this.picked[1] : null;
    return new Tile3DLayer({
      // Another time, level or colour is another layer: its tiles are made anew.
      id: `${layer.slug}~solid~${url}~${way}`,
      data: new URL(url, location.origin).href,
      loader: Tiles3DLoader,
      loadOptions: OPTIONS as never,
      pickable: true,
      opacity: this.city.state.opacity.get(layer.slug) ?? 1,
      pointSize: 1.6,
      autoHighlight: true,
      highlightColor: [240, 185, 103, 150],
      ...(picked === null ? {} : { updateTriggers: { picked } }),
      onTilesetLoad: () => this.count(0),
      onTileLoad: (tile) => {
        if (layer.group === "clouds") cloudTile(tile as unknown as Tile, way);
        else meshTile(tile as unknown as Tile);
        this.count(0);
      },
      onTileError: (_tile: unknown, _url: string, message: string) => console.warn(message),
    });
  }

  private count(by: number): void {
    this.loading += by;
    this.ready(this.loading === 0);
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
