/** One line of what was measured, for whoever reads the run. Numbers are rounded; their names carry the unit. */
export function tell(row: string, measured: Readonly<Record<string, number | string>>): void {
  const shown = Object.entries(measured).map(([name, value]) => {
    return `${name}=${typeof value === 'number' ? Math.round(value) : value}`
  })
  process.stdout.write(`      ${row} ${shown.join(' ')}\n`)
}
