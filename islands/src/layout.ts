// Where the nodes of a journey stand: layers from top to bottom by the longest way from the start, branches side by side.

export interface Place {
  x: number;
  y: number;
}

export interface Edge {
  from: string;
  to: string;
}

const WIDTH = 264;
const HEIGHT = 150;

export function layOut(ids: string[], edges: Edge[]): Map<string, Place> {
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

/** The longest way from the start. Edges that lead back to a node on the way to them do not count: a loop hangs below where it begins. */
function layers(ids: string[], edges: Edge[]): Map<string, number> {
  const { order, onward } = walked(ids, edges);
  const found = new Map(ids.map((id) => [id, 0]));
  for (const from of order) {
    for (const to of onward.get(from)!) found.set(to, Math.max(found.get(to)!, found.get(from)! + 1));
  }
  return found;
}

/** The nodes so that every edge leads onward, and where each leads when those that lead back are left out. */
function walked(ids: string[], edges: Edge[]): { order: string[]; onward: Map<string, string[]> } {
  const onward = new Map<string, string[]>(ids.map((id) => [id, []]));
  const order: string[] = [];
  const underWay = new Set<string>();
  const seen = new Set<string>();
  const visit = (id: string): void => {
    seen.add(id);
    underWay.add(id);
    for (const { from, to } of edges) {
      if (from !== id || !onward.has(to) || underWay.has(to)) continue;
      onward.get(id)!.push(to);
      if (!seen.has(to)) visit(to);
    }
    underWay.delete(id);
    order.unshift(id);
  };
  for (const id of ids) if (!seen.has(id)) visit(id);
  return { order, onward };
}

/** The middle of the parents, a little to the side of their own order, so that branches part. */
function wantedX(id: string, edges: Edge[], places: Map<string, Place>): number | undefined {
  const parents = edges.filter((edge) => edge.to === id && places.has(edge.from));
  if (parents.length === 0) return undefined;
  const wishes = parents.map((edge) => {
    const children = edges.filter((each) => each.from === edge.from);
    return places.get(edge.from)!.x + (children.indexOf(edge) - (children.length - 1) / 2) * WIDTH;
  });
  return wishes.reduce((sum, x) => sum + x, 0) / wishes.length;
}
