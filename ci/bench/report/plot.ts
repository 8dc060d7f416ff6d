// Plots in SVG, drawn from the report. Colours read on white and for people who see few colours; every value stands there as text too.

const colours = ['#2f6f9f', '#7fb3d5', '#b0b0b0', '#c0504d', '#5b8c5a']
const ink = '#222'

const escape = (text: string): string =>
  text.replace(/[&<>"]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[sign]!)

const figure = (value: number): string =>
  value >= 10 ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : value.toFixed(2)

function frame(options: { title: string; width: number; height: number }, content: readonly string[]): string {
  const { title, width, height } = options
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escape(title)}" font-family="sans-serif" font-size="12" fill="${ink}">
<title>${escape(title)}</title>
<rect width="100%" height="100%" fill="#fff"/>
<text x="12" y="22" font-size="15">${escape(title)}</text>
${content.join('\n')}
</svg>
`
}

const legend = (names: readonly string[], y: number): string =>
  names
    .map((name, index) => {
      const x = 12 + index * 190
      return `<rect x="${x}" y="${y - 10}" width="11" height="11" fill="${colours[index]}"/><text x="${x + 16}" y="${y}">${escape(name)}</text>`
    })
    .join('')

export interface Bar {
  readonly label: string
  /** Drawn end to end. */
  readonly parts: readonly number[]
  /** A line across the bar: what is to be reached. */
  readonly target?: number | undefined
  /** A second bar below, to compare with. */
  readonly beside?: number | undefined
}

/** Lying bars, each with its sum. A bar longer than the scale is cut, and says so by its figure.
 *  @param options.names of the parts, and of what stands beside
 *  @throws Error for a bar that is no number */
export function renderBars(options: {
  title: string
  unit: string
  names: readonly string[]
  bars: readonly Bar[]
}): string {
  const { title, unit, names, bars } = options
  const left = 190
  const width = 860
  const rowHeight = 34
  const top = 56
  const sumOf = ({ parts }: Bar) => parts.reduce((sum, part) => sum + part, 0)
  const all = bars.flatMap((bar) => [sumOf(bar), bar.target ?? 0, bar.beside ?? 0])
  if (!all.every(Number.isFinite)) throw new Error(`"${title}" has a bar that is no number`)
  const scale = (width - left - 90) / Math.max(...all, Number.EPSILON)
  const drawn = bars.map((bar, index) => {
    const y = top + index * rowHeight
    let x = left
    const parts = bar.parts.map((part, at) => {
      const wide = part * scale
      const box = `<rect x="${x.toFixed(1)}" y="${y}" width="${wide.toFixed(1)}" height="15" fill="${colours[at]}"/>`
      x += wide
      return box
    })
    const text = `<text x="${(x + 5).toFixed(1)}" y="${y + 12}">${figure(sumOf(bar))} ${escape(unit)}</text>`
    const beside =
      bar.beside === undefined
        ? ''
        : `<rect x="${left}" y="${y + 17}" width="${(bar.beside * scale).toFixed(1)}" height="7" fill="${colours[bar.parts.length]}"/><text x="${(left + bar.beside * scale + 5).toFixed(1)}" y="${y + 25}" font-size="10">${figure(bar.beside)}</text>`
    const at = left + (bar.target ?? 0) * scale
    const target =
      bar.target === undefined
        ? ''
        : `<line x1="${at.toFixed(1)}" x2="${at.toFixed(1)}" y1="${y - 3}" y2="${y + 18}" stroke="${ink}" stroke-width="2"/>`
    return `<text x="${left - 8}" y="${y + 12}" text-anchor="end">${escape(bar.label)}</text>${parts.join('')}${text}${beside}${target}`
  })
  const about = { title, width, height: top + bars.length * rowHeight + 10 }
  return frame(about, [
    legend(names, 44),
    `<text x="${12 + names.length * 190}" y="44">black line: to reach</text>`,
    ...drawn,
  ])
}

export interface PlotLine {
  readonly name: string
  readonly points: readonly { readonly x: number; readonly y: number }[]
}

/** Lines over sizes that grow by powers of ten; the scale of y begins at 0.
 *  @throws Error for a size that is not above 0, or a value that is no number */
export function renderLines(options: { title: string; x: string; y: string; lines: readonly PlotLine[] }): string {
  const { title, x: xName, y: yName, lines } = options
  const points = lines.flatMap((line) => line.points)
  if (points.length === 0 || !points.every(({ x, y }) => x > 0 && Number.isFinite(x) && Number.isFinite(y)))
    throw new Error(`"${title}" has a point that cannot be drawn`)
  const [width, height, left, top, bottom] = [860, 320, 60, 60, 46]
  const logs = points.map(({ x }) => Math.log10(x))
  const [first, last] = [Math.min(...logs), Math.max(...logs)]
  const most = Math.max(...points.map(({ y }) => y)) * 1.15
  const atX = (x: number) => left + ((Math.log10(x) - first) / Math.max(last - first, 1)) * (width - left - 110)
  const atY = (y: number) => height - bottom - (y / most) * (height - top - bottom)
  const axis = `<path d="M${left} ${top}V${height - bottom}H${width - 90}" fill="none" stroke="${ink}"/>`
  const sizes = [...new Set(points.map(({ x }) => x))].map(
    (x) =>
      `<text x="${atX(x).toFixed(1)}" y="${height - bottom + 16}" text-anchor="middle">${x.toLocaleString('en-US')}</text>`,
  )
  const drawn = lines.map(({ points: own }, index) => {
    const colour = colours[index % colours.length]
    const path = own.map(({ x, y }) => `${atX(x).toFixed(1)},${atY(y).toFixed(1)}`).join(' ')
    const marks = own.map(
      ({ x, y }) =>
        `<circle cx="${atX(x).toFixed(1)}" cy="${atY(y).toFixed(1)}" r="3.5" fill="${colour}"/><text x="${atX(x).toFixed(1)}" y="${(atY(y) - 8).toFixed(1)}" text-anchor="middle">${figure(y)}</text>`,
    )
    return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>${marks.join('')}`
  })
  const names = `<text x="${left}" y="${height - 10}">${escape(xName)}; up: ${escape(yName)}</text>`
  const legends = legend(
    lines.map(({ name }) => name),
    44,
  )
  return frame({ title, width, height }, [legends, axis, ...sizes, ...drawn, names])
}
