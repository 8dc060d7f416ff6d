import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hasCode } from '@nauthera/runtime/coded-error'
import { expect } from 'chai'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { createAssets } from '../../../src/http/branding/assets.ts'
import { serve } from '../harness.ts'
import type { RunningPages } from '../harness.ts'

describe('createAssets', () => {
  let folder = ''
  let running: RunningPages | undefined
  beforeEach(() => {
    folder = temporaryDirectory('assets')
  })
  afterEach(async () => {
    await running?.stop()
    running = undefined
  })
  const create = (logo?: string | Buffer, basePath = '') => {
    const logoFile = join(folder, 'logo')
    if (logo !== undefined) writeFileSync(logoFile, logo)
    const branding = { title: 'Nauthera', footerLinks: [], ...(logo === undefined ? {} : { logoFile }) }
    return createAssets({ basePath, branding, upstreams: [] })
  }

  it('names the style sheet by its content, below the issuer, and lets browsers keep it for ever', async () => {
    const assets = create(undefined, '/sso')
    expect(assets.stylesheet).to.match(/^\/sso\/assets\/style\.[0-9a-f]{12}\.css$/)
    running = await serve([assets.handle])
    const answer = await running.ask(assets.stylesheet)
    expect(answer.headers).to.include({
      'content-type': 'text/css; charset=utf-8',
      'cache-control': 'public, max-age=31536000, immutable',
    })
    const head = await running.ask(assets.stylesheet, { method: 'HEAD' })
    expect(head).to.include({ status: 200, body: '' })
    expect(head.headers['content-length']).to.equal(String(Buffer.byteLength(answer.body)))
  })

  it('has the dark colours for whoever chose them too, those of a brand among them', async () => {
    const assets = createAssets({
      basePath: '',
      branding: { title: 'Acme', footerLinks: [], accent: '#2457c5' },
      upstreams: [],
    })
    running = await serve([assets.handle])
    const { body } = await running.ask(assets.stylesheet)
    const system = [
      ...body.matchAll(/@media \(prefers-color-scheme:dark\)\{:root:not\(\[data-colours=light\]\)\{([^}]*)\}\}/g),
    ]
    const chosen = [...body.matchAll(/:root\[data-colours=dark\]\{color-scheme:dark;([^}]*)\}/g)]
    expect(system.map(([, rules]) => rules)).to.deep.equal(chosen.map(([, rules]) => rules))
    expect(system).to.have.length(2)
    expect(chosen[0]?.[1]).to.contain('--ground: #12151c').and.contain('--accent: #9db3ff')
    expect(chosen[1]?.[1]).to.match(/^--accent:#[0-9a-f]{6};--on-accent:#[0-9a-f]{6}$/)
    expect(body.match(/prefers-color-scheme/g)).to.have.length(2)
  })

  it('answers no other name, and no path out of the folder', async () => {
    running = await serve([create().handle])
    for (const path of [
      '/assets/style.css',
      '/assets/../settings.ts',
      '/assets/%2e%2e/package.json',
      '/assets/__proto__',
    ]) {
      expect((await running.ask(path)).status, path).to.equal(404)
    }
  })

  it('L15 serves a logo with a policy under which nothing in it runs', async () => {
    const assets = create('<svg xmlns="http://www.w3.org/2000/svg"><title>Acme</title></svg>')
    running = await serve([assets.handle])
    const { headers } = await running.ask(assets.logo ?? '')
    expect(headers['content-type']).to.equal('image/svg+xml')
    expect(headers['content-security-policy']).to.contain("default-src 'none'").and.contain('sandbox')
  })

  it('takes a logo with the entities that drawing programs write', () => {
    const entities = '<!DOCTYPE svg [<!ENTITY ns_svg "http://www.w3.org/2000/svg">]>'
    expect(create(`${entities}<svg xmlns="&ns_svg;"/>`).logo).to.match(/\.svg$/)
  })

  it('appends the rules of a brand, and refuses those that cannot work', async () => {
    const cssFile = join(folder, 'brand.css')
    const branded = (css: string) => {
      writeFileSync(cssFile, css)
      return createAssets({ basePath: '', branding: { title: 'Acme', footerLinks: [], cssFile }, upstreams: [] })
    }
    const assets = branded('/* ours */\n.card {\n  border-radius: 0;\n}\n')
    running = await serve([assets.handle])
    const { body } = await running.ask(assets.stylesheet)
    expect(body).to.match(/\.card \{\nborder-radius: 0;\n\}$/)
    expect(assets.stylesheet).not.to.equal(create().stylesheet)
    for (const css of [
      '@import "https://example.com/a.css";',
      'body { background: url( "//example.com/a.png") }',
      'a{}'.repeat(8000),
    ])
      expect(() => branded(css), css.slice(0, 20))
        .to.throw()
        .that.satisfies(
          (error: unknown) => hasCode(error, 'SETTINGS_INVALID') && error.faults[0]?.path === 'branding.cssFile',
        )
    expect(() => branded('body { background: url(data:image/png;base64,AAAA) }')).not.to.throw()
  })

  const ofProvider = (logo: string | Buffer) => {
    const logoFile = join(folder, 'provider')
    writeFileSync(logoFile, logo)
    const upstreams = [{ id: 'github' }, { id: 'corp', logoFile }]
    return createAssets({ basePath: '/sso', branding: { title: 'Acme', footerLinks: [] }, upstreams })
  }

  it('serves the logo of another provider by itself, under the same policy', async () => {
    const { handle, providerLogos } = ofProvider('<svg xmlns="http://www.w3.org/2000/svg"/>')
    expect(Object.keys(providerLogos)).to.deep.equal(['corp'])
    expect(providerLogos['corp']).to.match(/^\/sso\/assets\/provider-corp\.[0-9a-f]{12}\.svg$/)
    running = await serve([handle])
    const { headers } = await running.ask(providerLogos['corp'] ?? '')
    expect(headers['content-type']).to.equal('image/svg+xml')
    expect(headers['content-security-policy']).to.contain("default-src 'none'").and.contain('sandbox')
  })

  const bad: [string, string | Buffer][] = [
    ['is too long', Buffer.alloc(33 * 1024)],
    ['is neither SVG nor PNG', 'GIF89a'],
    ['has a script', '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'],
    [
      'has a script under another name',
      '<svg xmlns:s="http://www.w3.org/2000/svg"><s:script>alert(1)</s:script></svg>',
    ],
    ['listens to events', '<svg xmlns="http://www.w3.org/2000/svg"\nonload="alert(1)"/>'],
    ['leads to a script', '<svg xmlns="http://www.w3.org/2000/svg"><a href="JavaScript:alert(1)"/></svg>'],
    ['has HTML in it', '<svg xmlns="http://www.w3.org/2000/svg"><foreignObject/></svg>'],
  ]
  for (const [sentence, logo] of bad) {
    it(`refuses a logo that ${sentence}, and names the setting`, () => {
      const faultOf = (create: () => unknown) => {
        try {
          create()
        } catch (error) {
          return hasCode(error, 'SETTINGS_INVALID') ? error.faults[0]?.path : error
        }
        return 'no fault'
      }
      expect(faultOf(() => create(logo))).to.equal('branding.logoFile')
      expect(faultOf(() => ofProvider(logo))).to.equal('upstreams.1.logoFile')
    })
  }
})
