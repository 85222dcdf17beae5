// In place of a decoder that is compiled from bytes at start, which the page's policy forbids (no
// `unsafe-eval`), and which tiles of this node do not need.

export async function meshoptDecodeGltfBuffer(): Promise<never> {
  throw new Error("this page reads no meshes that are compressed with meshopt");
}
