// Renders a QR code.
import { create } from 'qrcode'

/** @returns the picture as a data: URL (SVG, black on white in both colour schemes: cameras need that) */
export function qrCode(text: string): string {
  const { modules } = create(text, { errorCorrectionLevel: 'M' })
  const { size } = modules
  const dark: string[] = []
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      // one rectangle for neighbours: a third of the bytes of one each
      const start = column
      while (column < size && modules.get(row, column)) column++
      if (column > start) dark.push(`M${start + quiet},${row + quiet}h${column - start}v1h${start - column}z`)
    }
  }
  const edge = size + 2 * quiet
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${edge} ${edge}" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h${edge}v${edge}H0z"/><path d="${dark.join('')}"/></svg>`
  return `data:image/svg+xml,${encodeURIComponent(svg).replaceAll('%2C', ',')}`
}

/** Modules of white around it (ISO/IEC 18004). */
const quiet = 4
