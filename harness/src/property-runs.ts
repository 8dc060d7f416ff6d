/** How many cases a property generates: `npm test` takes the usual number, `npm run nightly` many times that.
 *  @param usual in `npm test`, which must stay short
 *  @returns `usual` times PROPERTY_RUNS of the environment, at least one */
export const propertyRuns = (usual: number): number =>
  Math.max(1, Math.round(usual * Number(process.env['PROPERTY_RUNS'] ?? 1)))
