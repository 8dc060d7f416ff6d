// The drawings of docs/concepts: each is a text of a few lines, from which `npm run generate` makes an SVG for light and dark pages.
// The form of the text: docs/concepts/drawings/README.md.

interface Point {
  readonly x: number
  readonly y: number
}

interface Box extends Point {
  readonly kind: string
  readonly width: number
  readonly lines: readonly string[]
}

/** Pixels of a cell of the grid, of a box in it, and of the space around all. */
const grid = { column: 272, row: 112, width: 178, height: 66, edge: 28, head: 38 }
const boxKinds = ['box', 'pod', 'secret', 'person']
/** Pixels of a character, at most: what does not fit is an error rather than a drawing that runs over. */
const characterWidth = { title: 7.6, line: 6.3 }

const left = ({ x }: Point): number => grid.edge + x * grid.column
const top = ({ y }: Point): number => grid.edge + grid.head + y * grid.row
const widthOf = ({ width }: Box): number => grid.width + (width - 1) * grid.column
const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

class Drawing {
  readonly #boxes = new Map<string, Box>()
  readonly #below: string[] = []
  readonly #above: string[] = []
  #size: Point = { x: 0, y: 0 }
  #title = ''
  #about = ''

  /** @throws Error when the line has no form that is known, or its text does not fit */
  add(line: string): void {
    const [, word = '', rest = ''] = /^(\w+) (.*)$/.exec(line) ?? []
    if (word === 'title') this.#title = rest
    else if (word === 'about') this.#about = `${this.#about} ${rest}`.trim()
    else if (word === 'zone') this.#addZone(rest)
    else if (word === 'bar' || word === 'end') this.#addBar(word, rest)
    else if (word === 'arrow' || word === 'dash') this.#addArrow(word, rest)
    else if (boxKinds.includes(word)) this.#addBox(word, rest)
    else throw new Error(`not a line of a drawing: ${line}`)
  }

  #grow(x: number, y: number): void {
    this.#size = { x: Math.max(this.#size.x, x), y: Math.max(this.#size.y, y) }
  }

  #addBox(kind: string, rest: string): void {
    const [, name, x, y, width, text] = /^(\w+) ([\d.]+),([\d.]+)(?: wide (\d))? : (.+)$/.exec(rest) ?? []
    if (text === undefined) throw new Error(`a box is NAME X,Y : TITLE | LINE, not ${rest}`)
    const lines = text.split(' | ')
    const box = { kind, x: Number(x), y: Number(y), width: Number(width ?? 1), lines }
    lines.forEach((line, index) => {
      const needs = line.length * (index === 0 ? characterWidth.title : characterWidth.line)
      if (needs > widthOf(box) - 12) throw new Error(`"${line}" does not fit into its box`)
    })
    this.#boxes.set(name!, box)
    this.#grow(left(box) + widthOf(box), top(box) + grid.height)
    const middle = left(box) + widthOf(box) / 2
    const first = top(box) + grid.height / 2 + 5 - ((lines.length - 1) * 16) / 2
    this.#above.push(
      `<rect class="${kind}" x="${left(box)}" y="${top(box)}" width="${widthOf(box)}" height="${grid.height}" rx="${kind === 'person' ? 33 : 8}"/>`,
      ...lines.map(
        (line, index) =>
          `<text class="${index === 0 ? 'name' : 'line'}" x="${middle}" y="${first + index * 16}">${escaped(line)}</text>`,
      ),
    )
  }

  #addZone(rest: string): void {
    const [, x, y, width, height, text] = /^([\d.]+),([\d.]+) ([\d.]+)x([\d.]+) : (.+)$/.exec(rest) ?? []
    if (text === undefined) throw new Error(`a zone is X,Y WxH : TITLE, not ${rest}`)
    const corner = { x: Number(x), y: Number(y) }
    const wide = (Number(width) - 1) * grid.column + grid.width + 28
    const high = (Number(height) - 1) * grid.row + grid.height + 36
    this.#grow(left(corner) - 14 + wide, top(corner) - 24 + high)
    this.#below.unshift(
      `<rect class="zone" x="${left(corner) - 14}" y="${top(corner) - 24}" width="${wide}" height="${high}" rx="10"/>`,
      `<text class="zone-name" x="${left(corner) - 4}" y="${top(corner) - 8}">${escaped(text)}</text>`,
    )
  }

  #addBar(kind: string, rest: string): void {
    const [, from, to, y, text] = /^([\d.]+)\.\.([\d.]+),([\d.]+) : (.+)$/.exec(rest) ?? []
    if (text === undefined) throw new Error(`a bar is FROM..TO,Y : TEXT, not ${rest}`)
    const start = left({ x: Number(from), y: 0 })
    const end = left({ x: Number(to), y: 0 })
    const at = top({ x: 0, y: Number(y) })
    if (text.length * characterWidth.line > end - start - 8) throw new Error(`"${text}" does not fit into its bar`)
    this.#grow(end, at + 30)
    this.#above.push(
      `<rect class="${kind}" x="${start}" y="${at}" width="${end - start}" height="30" rx="6"/>`,
      `<text class="line" x="${(start + end) / 2}" y="${at + 19}">${escaped(text)}</text>`,
    )
  }

  #addArrow(kind: string, rest: string): void {
    const [, from, to, text = ''] = /^(\w+) -> (\w+)(?: : (.+))?$/.exec(rest) ?? []
    const [start, end] = [this.#boxes.get(from ?? ''), this.#boxes.get(to ?? '')]
    if (start === undefined || end === undefined) throw new Error(`an arrow is NAME -> NAME : TEXT, not ${rest}`)
    const a = edgeTowards(start, end)
    const b = edgeTowards(end, start)
    const label = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 - (Math.abs(a.y - b.y) < 8 ? 8 : -4) }
    this.#below.push(`<line class="${kind}" x1="${a.x}" y1="${a.y}" x2="${b.x}" y2="${b.y}" marker-end="url(#head)"/>`)
    if (text !== '') this.#above.push(`<text class="label" x="${label.x}" y="${label.y}">${escaped(text)}</text>`)
  }

  render(): string {
    const [width, height] = [Math.ceil(this.#size.x + grid.edge), Math.ceil(this.#size.y + grid.edge)]
    if (this.#title === '' || this.#about === '') throw new Error('a drawing has a title and says what it is about')
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="t d">`,
      `<title id="t">${escaped(this.#title)}</title>`,
      `<desc id="d">${escaped(this.#about)}</desc>`,
      `<style>${style}</style>`,
      '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path class="head" d="M0 0L8 4L0 8z"/></marker></defs>',
      `<rect class="ground" width="${width}" height="${height}" rx="12"/>`,
      `<text class="title" x="${grid.edge}" y="26">${escaped(this.#title)}</text>`,
      ...this.#below,
      ...this.#above,
      '</svg>',
      '',
    ].join('\n')
  }
}

/** Where the line between the middles of two boxes leaves the first. */
function edgeTowards(from: Box, to: Box): Point {
  const middleOf = (box: Box): Point => ({ x: left(box) + widthOf(box) / 2, y: top(box) + grid.height / 2 })
  const [a, b] = [middleOf(from), middleOf(to)]
  const [dx, dy] = [b.x - a.x, b.y - a.y]
  const part = Math.min(
    dx === 0 ? Infinity : (widthOf(from) / 2 + 4) / Math.abs(dx),
    dy === 0 ? Infinity : (grid.height / 2 + 4) / Math.abs(dy),
  )
  return { x: Math.round(a.x + dx * part), y: Math.round(a.y + dy * part) }
}

const style = [
  'svg{--ground:#fff;--ink:#1c2330;--soft:#5a6577;--line:#7b8798;--box:#f4f6fa;--pod:#e3edff;--secret:#fff3d6;--person:#e4f5e9;--end:#eceff4}',
  '@media(prefers-color-scheme:dark){svg{--ground:#14181f;--ink:#e8ecf3;--soft:#a9b4c5;--line:#7d8aa0;--box:#222935;--pod:#1d3156;--secret:#44360f;--person:#173a25;--end:#2b3240}}',
  'text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;fill:var(--ink);text-anchor:middle}',
  '.ground{fill:var(--ground)}.title{font-size:15px;font-weight:600;text-anchor:start}.name{font-size:14px;font-weight:600}.line{font-size:12px}',
  '.label{font-size:12px;fill:var(--soft);stroke:var(--ground);stroke-width:5px;paint-order:stroke}',
  '.zone{fill:none;stroke:var(--line);stroke-dasharray:5 4}.zone-name{font-size:12px;fill:var(--soft);text-anchor:start}',
  'rect.box{fill:var(--box)}rect.pod,rect.bar{fill:var(--pod)}rect.secret{fill:var(--secret)}rect.person{fill:var(--person)}rect.end{fill:var(--end)}',
  'rect.box,rect.pod,rect.secret,rect.person,rect.bar,rect.end{stroke:var(--line)}',
  'line{stroke:var(--line);stroke-width:1.6}.dash{stroke-dasharray:5 4}.head{fill:var(--line)}',
].join('')

/** @returns the SVG of a drawing
 *  @throws Error that names the line that is wrong */
export function renderDrawing(text: string): string {
  const drawing = new Drawing()
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  // arrows may name boxes that stand further down
  const isArrow = (line: string) => /^(arrow|dash) /.test(line)
  for (const line of [...lines.filter((line) => !isArrow(line)), ...lines.filter(isArrow)]) drawing.add(line)
  return drawing.render()
}
