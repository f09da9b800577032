// The regions that the wheel goes through: neighbors in the tree often differ by a few pixels, which nobody sees.

/** From one level to the next, a region grows by this factor at least. */
const GROWTH = 1.25;

/**
 * Some nodes of a chain that grows, among them the best one.
 * @param {number[]} chain
 * @param {number} best its index
 * @param {(node: number) => number} area
 * @returns {number[]}
 */
export function levels(chain, best, area) {
  const chosen = chain.slice(best, best + 1);
  for (const node of chain.slice(best + 1)) {
    if (area(node) >= GROWTH * area(chosen.at(-1) ?? node)) chosen.push(node);
  }
  for (const node of chain.slice(0, best).reverse()) {
    if (GROWTH * area(node) <= area(chosen[0] ?? node)) chosen.unshift(node);
  }
  return chosen;
}
