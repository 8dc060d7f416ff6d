// Fits the accent colour of the branding to the light and the dark theme.
/** The accent colour in the light and the dark theme, and the colour of text on it. */
export interface Accent {
  readonly light: string
  readonly dark: string
  readonly onLight: string
  readonly onDark: string
}

type Rgb = readonly [number, number, number]

/** A little more than the contrast that text needs (WCAG 2.2, 1.4.3: 4.5). */
const contrastNeeded = 4.6
/** The background in style.css with the lowest contrast: pages and rows. */
const lightGround: Rgb = [243, 244, 247]
const darkGround: Rgb = [38, 44, 57]

/** Makes a brand's colour readable in both themes: darker for the light one, lighter for the dark one, as far as links and buttons
 *  need. A colour that is readable stays as it is.
 *  @param colour `#rrggbb` */
export function fitAccent(colour: string): Accent {
  const light = shiftUntilReadable(parseColour(colour), lightGround, 0)
  const dark = shiftUntilReadable(parseColour(colour), darkGround, 255)
  return { light: format(light), dark: format(dark), onLight: textOn(light), onDark: textOn(dark) }
}

/** @returns the contrast of two colours `#rrggbb`, 1 to 21 (WCAG 2.2, relative luminance)
 *  @internal read by a test alone */
export function contrast(one: string, other: string): number {
  return contrastOf(parseColour(one), parseColour(other))
}

function shiftUntilReadable(colour: Rgb, ground: Rgb, towards: number): Rgb {
  for (let step = 0; step <= 50; step++) {
    const share = step / 50
    const shifted = each(colour, (part) => Math.round(part + (towards - part) * share))
    if (contrastOf(shifted, ground) >= contrastNeeded) return shifted
  }
  return [towards, towards, towards]
}

function textOn(ground: Rgb): string {
  return contrastOf(ground, [255, 255, 255]) >= contrastOf(ground, [16, 20, 28]) ? '#ffffff' : '#10141c'
}

function contrastOf(one: Rgb, other: Rgb): number {
  const both = [luminance(one), luminance(other)]
  return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05)
}

function luminance(colour: Rgb): number {
  const [red, green, blue] = each(colour, (part) => {
    const share = part / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

function parseColour(colour: string): Rgb {
  const part = (at: number) => Number.parseInt(colour.slice(at, at + 2), 16)
  return [part(1), part(3), part(5)]
}

function each([red, green, blue]: Rgb, change: (part: number) => number): Rgb {
  return [change(red), change(green), change(blue)]
}

function format(colour: Rgb): string {
  return `#${colour.map((part) => part.toString(16).padStart(2, '0')).join('')}`
}
