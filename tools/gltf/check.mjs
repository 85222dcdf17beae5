// Reads a tileset as clients do, and tells as JSON what is in it: every tile is held against the
// glTF validator and opened by loaders.gl with its features and their values.
// Usage: node check.mjs TILESET_URL [AUTHORIZATION]
import {load, parse} from '@loaders.gl/core';
import {Tiles3DLoader} from '@loaders.gl/3d-tiles';
import {GLTFLoader} from '@loaders.gl/gltf';
import validator from 'gltf-validator';

const [address, authorization] = process.argv.slice(2);
const headers = authorization ? {authorization} : {};
const ask = (url) => fetch(url, {headers});
const quiet = {worker: false, core: {worker: false}};

const tileset = await load(address, Tiles3DLoader, {...quiet, fetch: ask, core: {...quiet.core, fetch: ask}, '3d-tiles': {isTileset: true, loadGLTF: false}});
const found = {version: tileset.asset.version, tiles: 0, refine: tileset.root.refine, problems: [], properties: [], features: {}, primitives: 0, centres: []};

async function visit(tile) {
  const uri = tile.content?.uri ?? tile.content?.url;
  if (uri) {
    const url = new URL(uri, address);
    const bytes = await (await ask(url)).arrayBuffer();
    const report = await validator.validateBytes(new Uint8Array(bytes), {maxIssues: 50});
    for (const message of report.issues.messages) {
      if (message.severity < 2) found.problems.push(`${uri}: ${message.code} ${message.message}`);
    }
    const opened = await parse(bytes.slice(0), Tiles3DLoader, {...quiet, '3d-tiles': {isTileset: false, loadGLTF: true}});
    found.type = opened.type;
    const gltf = await parse(bytes.slice(0), GLTFLoader, {...quiet, gltf: {loadBuffers: true}});
    const table = gltf.json.extensions?.EXT_structural_metadata?.propertyTables?.[0];
    const named = gltf.json.extensions?.EXT_structural_metadata?.schema?.classes?.feature?.properties ?? {};
    found.properties = Object.entries(named).map(([key, said]) => said.name ?? key);
    for (let row = 0; row < (table?.count ?? 0); row++) {
      const values = {};
      for (const [key, part] of Object.entries(table.properties)) values[named[key].name] = part.data[row];
      found.features[values.id] = values;
    }
    for (const mesh of gltf.json.meshes ?? []) found.primitives += mesh.primitives.length;
    found.tiles += 1;
  }
  for (const child of tile.children ?? []) await visit(child);
}

await visit(tileset.root);
console.log(JSON.stringify(found));
