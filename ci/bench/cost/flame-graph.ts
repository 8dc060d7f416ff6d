import type { ProfileFrame } from './profile.ts'

const rowHeight = 17
const width = 1200
/** Narrower than this, in pixels, a function is not drawn. */
const narrowest = 0.6

const escape = (text: string): string =>
  text.replace(/[&<>"]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[sign]!)

/** A flame graph in one SVG file: callers below, as wide as the time that a function and what it calls took. One colour for each
 *  area of the code; a browser shows the share when the pointer rests on it. */
export function renderFlameGraph(root: ProfileFrame, title: string): string {
  const boxes: string[] = []
  let deepest = 0
  const draw = (frame: ProfileFrame, x: number, depth: number): void => {
    const wide = (frame.total / root.total) * width
    if (wide < narrowest) return
    deepest = Math.max(deepest, depth)
    boxes.push(renderBox(frame, { x, depth, wide, share: frame.total / root.total }))
    let at = x
    for (const child of [...frame.children].sort((a, b) => (a.name < b.name ? -1 : 1))) {
      draw(child, at, depth + 1)
      at += (child.total / root.total) * width
    }
  }
  let at = 0
  for (const frame of root.children) {
    draw(frame, at, 0)
    at += (frame.total / root.total) * width
  }
  const height = (deepest + 1) * rowHeight + 30
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="11">
<rect width="100%" height="100%" fill="#fff"/>
<text x="6" y="18" font-size="14">${escape(title)}</text>
<g transform="translate(0 ${height - rowHeight})">
${boxes.join('\n')}
</g>
</svg>
`
}

function renderBox(frame: ProfileFrame, at: { x: number; depth: number; wide: number; share: number }): string {
  const y = -at.depth * rowHeight
  const letters = Math.floor((at.wide - 4) / 6)
  const label = letters < 3 ? '' : frame.name.slice(0, letters)
  const text = label === '' ? '' : `<text x="${(at.x + 3).toFixed(1)}" y="${y + 12}">${escape(label)}</text>`
  const about = `${frame.name} - ${frame.place} - ${(at.share * 100).toFixed(2)} %`
  return `<g><title>${escape(about)}</title><rect x="${at.x.toFixed(1)}" y="${y}" width="${at.wide.toFixed(1)}" height="${rowHeight - 1}" fill="${colourOf(frame.area)}" rx="1"/>${text}</g>`
}

/** Ours are warm, packages green, Node's own blue, the engine grey; each area has its own shade. */
function colourOf(area: string): string {
  let hash = 7
  for (const letter of area) hash = (hash * 31 + letter.codePointAt(0)!) % 9973
  if (area.startsWith('(')) return `hsl(0 0% ${70 + (hash % 15)}%)`
  if (area.startsWith('node:')) return `hsl(${200 + (hash % 30)} 60% ${70 + (hash % 10)}%)`
  if (area.includes('/src')) return `hsl(${10 + (hash % 40)} 85% ${62 + (hash % 12)}%)`
  return `hsl(${90 + (hash % 60)} 45% ${62 + (hash % 12)}%)`
}
