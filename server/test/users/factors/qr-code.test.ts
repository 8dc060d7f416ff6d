import { expect } from 'chai'
import { qrCode } from '../../../src/users/factors/qr-code.ts'

describe(qrCode.name, () => {
  const svg = (text: string) => decodeURIComponent(qrCode(text).replace('data:image/svg+xml,', ''))

  it('is a square picture with a white edge of four modules, and its three corner marks', () => {
    const picture = svg('otpauth://totp/test?secret=AAAA')
    const [, size = ''] = /viewBox="0 0 (\d+) \1"/.exec(picture) ?? []
    const dark = new Set(
      [...picture.matchAll(/M(\d+),(\d+)h(\d+)v1h-\3z/g)].flatMap(([, x, y, length]) =>
        Array.from({ length: Number(length) }, (_, step) => `${Number(x) + step} ${y}`),
      ),
    )
    for (const [x, y] of [
      [4, 4],
      [Number(size) - 5, 4],
      [4, Number(size) - 5],
    ])
      expect(dark.has(`${x} ${y}`), `${x} ${y}`).to.equal(true)
    const edges = [...dark].flatMap((at) => at.split(' ').map(Number))
    expect(Math.min(...edges)).to.equal(4)
    expect(Math.max(...edges)).to.equal(Number(size) - 5)
    expect(picture, 'no rectangle without a width').not.to.contain('h0v1')
  })

  it('differs when the text does, and holds no markup of it', () => {
    expect(qrCode('one')).not.to.equal(qrCode('two'))
    expect(svg('<script>')).not.to.contain('script>')
  })
})
