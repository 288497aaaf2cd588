// Where the nodes of a journey stand: layers from top to bottom by the longest way from the start, branches side by side.

export interface Place {
  x: number;
  y: number;
}

const WIDTH = 264;
const HEIGHT = 150;

export function layOut(ids: string[], edges: { from: string; to: string }[]): Map<string, Place> {
  const layerOf = layers(ids, edges);
  const rows = new Map<number, string[]>();
  for (const id of ids) rows.set(layerOf.get(id)!, [...(rows.get(layerOf.get(id)!) ?? []), id]);
  const places = new Map<string, Place>();
  for (const [layer, row] of [...rows].sort(([a], [b]) => a - b)) {
    const wish = new Map(row.map((id, index) => [id, wantedX(id, edges, places) ?? index * WIDTH]));
    const ordered = [...row].sort((a, b) => wish.get(a)! - wish.get(b)!);
    const centre = ordered.reduce((sum, id) => sum + wish.get(id)!, 0) / ordered.length;
    ordered.forEach((id, index) => {
      places.set(id, { x: centre + (index - (ordered.length - 1) / 2) * WIDTH, y: layer * HEIGHT });
    });
  }
  return places;
}

/** The longest way from any start; edges that lead back are followed only once. */
function layers(ids: string[], edges: { from: string; to: string }[]): Map<string, number> {
  const found = new Map(ids.map((id) => [id, 0]));
  for (let round = 0; round < ids.length; round++) {
    let changed = false;
    for (const { from, to } of edges) {
      const wanted = found.get(from)! + 1;
      if (found.has(to) && found.get(to)! < wanted && wanted < ids.length) {
        found.set(to, wanted);
        changed = true;
      }
    }
    if (!changed) break;
  }
  return found;
}

/** The middle of the parents, a little to the side of their own order, so that branches part. */
function wantedX(id: string, edges: { from: string; to: string }[], places: Map<string, Place>): number | undefined {
  const parents = edges.filter((edge) => edge.to === id && places.has(edge.from));
  if (parents.length === 0) return undefined;
  const wishes = parents.map((edge) => {
    const children = edges.filter((each) => each.from === edge.from);
    return places.get(edge.from)!.x + (children.indexOf(edge) - (children.length - 1) / 2) * WIDTH;
  });
  return wishes.reduce((sum, x) => sum + x, 0) / wishes.length;
}
