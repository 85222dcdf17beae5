// Colours of what a project touches, on the map of a report.

export const LOOKS: [look: string, colour: string][] = [["farmland", "#b98a1d"], ["ecology", "#b3261a"], ["boundary", "#4a6fa5"], ["left", "#7a5aa6"], ["other", "#5b6762"]];

/** The look of a part by the role of its source. */
export function lookOf(role: string): string {
  return { farmland: "farmland", ecology: "ecology", "urban-boundary": "boundary" }[role] ?? "other";
}
