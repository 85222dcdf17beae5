// Meshes in which each corner tells the feature that it belongs to, so that one of many is picked.

import { SimpleMeshLayer } from "@deck.gl/mesh-layers";

/** A mesh whose texture coordinates hold numbers of features; it has no texture. */
export class Faces extends SimpleMeshLayer {
  static override layerName = "Faces";

  override getShaders(): ReturnType<SimpleMeshLayer["getShaders"]> {
    const pick = "geometry.pickingColor = picking_getPickingColorFromIndex(geometry.uv.x);";
    return { ...super.getShaders(), inject: { "vs:DECKGL_FILTER_GL_POSITION": pick } };
  }
}
