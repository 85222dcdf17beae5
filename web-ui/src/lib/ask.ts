// Questions to the node's own interfaces, with the session of the visitor.

interface Said {
  detail?: string;
  title?: string;
  mend?: string;
}

/** What the node refused or did not understand, in the page's language. */
export class Problem extends Error {
  constructor(
    message: string,
    readonly mend: string,
    readonly status: number,
  ) {
    super(message);
  }
}

/** A path with parameters after those that it has; empty ones are left out. */
export function address(path: string, ...given: (string | Record<string, string | null | undefined>)[]): string {
  const [bare, had] = path.split("?", 2) as [string, string?];
  const query = new URLSearchParams(had);
  for (const one of given) {
    const entries = typeof one === "string" ? [...new URLSearchParams(one)] : Object.entries(one);
    for (const [name, value] of entries) if (value) query.set(name, value);
  }
  const text = String(query);
  return text ? `${bare}?${text}` : bare;
}

/** The JSON at an address of this node; raises {@link Problem}. */
export async function ask<T>(path: string, init: RequestInit = {}): Promise<T> {
  const answer = await fetch(path, { ...init, headers: { accept: "application/json", ...init.headers } });
  if (answer.ok) return (await answer.json()) as T;
  const said = (await answer.json().catch(() => ({}))) as Said;
  throw new Problem(said.detail ?? said.title ?? answer.statusText, said.mend ?? "", answer.status);
}

/** Whether an error means that a newer question has taken the place of this one. */
export function overtaken(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}
