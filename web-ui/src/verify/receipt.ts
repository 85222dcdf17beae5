// A receipt checked in the browser, by the same steps as `quanyu verify`: RFC 8785 leaf, C2SP
// signed note (Ed25519), RFC 6962 inclusion, HMAC-SHA256 disclosures. WebCrypto does the hashing.

export interface Step {
  name: "form" | "signature" | "size" | "inclusion" | "disclosure";
  ok: boolean;
  said: string;
}

export interface Outcome {
  ok: boolean;
  steps: Step[];
}

interface Disclosure {
  field: string;
  value: string;
  salt: string;
}

interface Receipt {
  type: string;
  leaf: string;
  index: number;
  size: number;
  proof: string[];
  checkpoint: string;
  disclosures: Disclosure[];
}

interface Key {
  name: string;
  id: string;
  publicKey: Bytes;
}

type Bytes = Uint8Array<ArrayBuffer>;

export const TYPE = "quanyu-receipt-1";
/** `timestamp`, where there is one, is for `quanyu verify`: its authority's certificate is not here. */
const MEMBERS = ["checkpoint", "disclosures", "index", "leaf", "proof", "size", "type"];
const utf8 = new TextEncoder();

class Amiss extends Error {}

export async function check(text: string, keyText: string): Promise<Outcome> {
  const steps: Step[] = [];
  const held = (name: Step["name"], said: string): void => void steps.push({ name, ok: true, said });
  const failed = (name: Step["name"], said: string): Outcome => ({ ok: false, steps: [...steps, { name, ok: false, said }] });

  let receipt: Receipt;
  let content: Record<string, unknown>;
  let proof: Bytes[];
  try {
    receipt = readReceipt(text);
    proof = receipt.proof.map(unbase64);
    content = canonicalLeaf(receipt.leaf);
  } catch (error) {
    return failed("form", message(error));
  }
  held("form", `${String(content["id"] ?? "")} ${String(content["kind"] ?? "")} ${String(content["at"] ?? "")}`.trim());

  let checkpoint: { origin: string; size: number; root: Bytes };
  try {
    const keys = await readKeys(keyText);
    const opened = await openNote(receipt.checkpoint, keys);
    checkpoint = readCheckpoint(opened.text);
    if (opened.signer !== checkpoint.origin) throw new Amiss(`${opened.signer} ≠ ${checkpoint.origin}`);
    held("signature", `${opened.signer} (Ed25519, ${opened.id})`);
  } catch (error) {
    return failed("signature", message(error));
  }
  if (receipt.size !== checkpoint.size) return failed("size", `${receipt.size} ≠ ${checkpoint.size}`);
  held("size", String(checkpoint.size));

  try {
    const root = await rootOf(receipt.index, receipt.size, await leafHash(utf8.encode(receipt.leaf)), proof);
    const said = `${receipt.index}: ${hex(root)}`;
    if (hex(root) !== hex(checkpoint.root)) return failed("inclusion", `${said} ≠ ${hex(checkpoint.root)}`);
    held("inclusion", said);
  } catch (error) {
    return failed("inclusion", message(error));
  }
  for (const each of receipt.disclosures) {
    const got = await blind(each.value, each.salt);
    if (got !== content[each.field]) return failed("disclosure", `${each.field}: ${got} ≠ ${String(content[each.field])}`);
    held("disclosure", `${each.field} = ${each.value}`);
  }
  return { ok: true, steps };
}

function readReceipt(text: string): Receipt {
  const document: unknown = JSON.parse(text);
  if (!isObject(document) || Object.keys(document).filter((name) => name !== "timestamp").sort().join() !== MEMBERS.join()) {
    throw new Amiss(`its members must be ${MEMBERS.join(", ")}`);
  }
  const { type, leaf, index, size, proof, checkpoint, disclosures } = document;
  if (type !== TYPE) throw new Amiss(`type ≠ ${TYPE}`);
  const whole = (n: unknown): boolean => Number.isSafeInteger(n) && (n as number) >= 0;
  const strings = (list: unknown): boolean => Array.isArray(list) && list.every((one) => typeof one === "string");
  if (typeof leaf !== "string" || typeof checkpoint !== "string" || !whole(index) || !whole(size) || !strings(proof)) {
    throw new Amiss("a member has the wrong type");
  }
  const discloses = (one: unknown): boolean =>
    isObject(one) && Object.keys(one).sort().join() === "field,salt,value" && strings(Object.values(one)) && /^(?:[0-9a-f]{2})+$/.test(String(one["salt"]));
  if (!Array.isArray(disclosures) || !disclosures.every(discloses)) throw new Amiss("a disclosure is malformed");
  return document as unknown as Receipt;
}

/** The leaf's content, when it is canonical JSON (RFC 8785): one text for one meaning. */
function canonicalLeaf(leaf: string): Record<string, unknown> {
  const content: unknown = JSON.parse(leaf);
  if (!isObject(content) || canonical(content) !== leaf) throw new Amiss("the leaf is not canonical JSON (RFC 8785)");
  return content;
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  // RFC 8785 sorts names by UTF-16 code units, which is how JavaScript compares strings.
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
}

async function readKeys(text: string): Promise<Key[]> {
  const keys: Key[] = [];
  for (const line of text.split("\n").map((one) => one.trim()).filter(Boolean)) {
    const [name, id, ...rest] = line.split("+");
    const data = unbase64(rest.join("+"));
    // Type 0x01 is Ed25519; keys of other types (SM2) are the server's and the command line's to check.
    if (!name || !id || data[0] !== 1 || data.length !== 33) continue;
    const digest = await sha256(join(utf8.encode(`${name}\n`), data));
    if (hex(digest.slice(0, 4)) !== id) throw new Amiss(`the key ${name}+${id} does not match its own hash`);
    keys.push({ name, id, publicKey: data.slice(1) });
  }
  if (!keys.length) throw new Amiss("no Ed25519 key was given");
  return keys;
}

async function openNote(note: string, keys: Key[]): Promise<{ text: string; signer: string; id: string }> {
  const gap = note.lastIndexOf("\n\n");
  if (gap < 0 || !note.endsWith("\n")) throw new Amiss("a note is text, an empty line and signatures");
  const text = note.slice(0, gap + 1);
  let signer: Key | undefined;
  for (const line of note.slice(gap + 2, -1).split("\n")) {
    const [dash, name, encoded, ...rest] = line.split(" ");
    if (dash !== "—" || !name || !encoded || rest.length) throw new Amiss("a line of signature is malformed");
    const data = unbase64(encoded);
    const key = keys.find((one) => one.name === name && one.id === hex(data.slice(0, 4)));
    if (!key) continue;
    if (!(await signed(key, utf8.encode(text), data.slice(4)))) throw new Amiss(`the signature of ${key.name} is wrong`);
    signer = key;
  }
  if (!signer) throw new Amiss("no known key signed this note");
  return { text, signer: signer.name, id: signer.id };
}

async function signed(key: Key, text: Bytes, signature: Bytes): Promise<boolean> {
  const imported = await crypto.subtle.importKey("raw", key.publicKey, { name: "Ed25519" }, false, ["verify"]);
  return crypto.subtle.verify({ name: "Ed25519" }, imported, signature, text);
}

function readCheckpoint(text: string): { origin: string; size: number; root: Bytes } {
  const [origin, size, root, ...rest] = text.split("\n");
  if (!origin || !size || !root || !rest.length || !/^(?:0|[1-9]\d{0,15})$/.test(size)) {
    throw new Amiss("a checkpoint is origin, size and root, a line each");
  }
  const hash = unbase64(root);
  if (hash.length !== 32) throw new Amiss("a root hash has 32 bytes");
  return { origin, size: Number(size), root: hash };
}

/** RFC 9162 2.1.3.2; sizes are below 2^53, so halving is exact. */
async function rootOf(index: number, size: number, leaf: Bytes, proof: Bytes[]): Promise<Bytes> {
  if (index >= size) throw new Amiss(`leaf ${index} is not in a tree of ${size}`);
  let fn = index;
  let sn = size - 1;
  let hash = leaf;
  for (const beside of proof) {
    if (sn === 0) throw new Amiss("the proof is too long");
    if (beside.length !== 32) throw new Amiss("a hash has 32 bytes");
    if (fn % 2 === 1 || fn === sn) {
      hash = await nodeHash(beside, hash);
      while (fn % 2 === 0 && fn !== 0) {
        fn = Math.floor(fn / 2);
        sn = Math.floor(sn / 2);
      }
    } else {
      hash = await nodeHash(hash, beside);
    }
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  if (sn !== 0) throw new Amiss("the proof is too short");
  return hash;
}

const leafHash = (leaf: Bytes): Promise<Bytes> => sha256(join(new Uint8Array([0]), leaf));
const nodeHash = (left: Bytes, right: Bytes): Promise<Bytes> => sha256(join(new Uint8Array([1]), left, right));

async function sha256(data: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", data));
}

async function blind(value: string, salt: string): Promise<string> {
  const bytes = new Uint8Array((salt.match(/../g) ?? []).map((pair) => parseInt(pair, 16)));
  const key = await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return hex(new Uint8Array(await crypto.subtle.sign("HMAC", key, utf8.encode(value))));
}

function unbase64(text: string): Bytes {
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    throw new Amiss("this is no base64");
  }
  // Only the one canonical encoding is read, so that a signed text has one form.
  if (btoa(binary) !== text) throw new Amiss("this base64 is not canonical");
  return Uint8Array.from(binary, (char) => char.charCodeAt(0));
}

function join(...parts: Bytes[]): Bytes {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function hex(bytes: Bytes): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
