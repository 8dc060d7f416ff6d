import { spawnSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { parseAllDocuments } from 'yaml'
import { runPlugin } from '../plugin.ts'

const root = new URL('../../../../', import.meta.url)

const run = (args: readonly string[], files: Readonly<Record<string, string>> = {}) => runPlugin(args, { files })

const client = (spec: string, name = 'app'): string =>
  `apiVersion: auth.nauthera.io/v1alpha1\nkind: OIDCClient\nmetadata:\n  name: ${name}\nspec:\n${spec}`

describe('kubectl nauthera render', () => {
  it('shows the Secret and the metadata of each client in a file', async () => {
    const { code, out, error } = await run([
      'render',
      '-f',
      'examples/clients/argo-cd.yaml',
      '--issuer',
      'https://login.example.org',
    ])
    expect({ code, error }).to.deep.equal({ code: 0, error: '' })
    const [secret, metadata] = (parseAllDocuments(out) as { toJS(): Record<string, unknown> }[]).map((document) =>
      document.toJS(),
    )
    expect(secret).to.deep.include({ kind: 'Secret', type: 'Opaque' })
    expect(secret!['stringData']).to.include({ clientID: 'demo.argo-cd', 'oidc.issuer': 'https://login.example.org' })
    expect(metadata).to.deep.include({
      client_id: 'demo.argo-cd',
      scope: 'openid profile email groups offline_access',
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['authorization_code', 'refresh_token'],
      pkce_required: true,
    })
  })

  it('shows no Secret of a client that lists its secrets', async () => {
    const { code, out } = await runPlugin([
      'render',
      ...['examples/clients/secret-in-git.yaml', 'examples/policies/demo.yaml'].flatMap((file) => ['-f', file]),
    ])
    expect(code).to.equal(0)
    expect(out).not.to.contain('kind: Secret')
    expect(out).to.contain('client_id: demo.nightly-report')
  })

  it('says of which Secret a client secret is that is there already', async () => {
    const own = '  type: M2M\n  secret: {existingSecretRef: {name: earlier, key: password}}\n'
    const policy =
      'apiVersion: auth.nauthera.io/v1alpha1\nkind: OIDCPolicy\nmetadata: {name: p}\nspec: {allow: {existingSecret: true}}\n'
    const { out } = await run(['render', '-f', '-'], { '-': `${policy}---\n${client(own)}` })
    expect(out).to.contain('client_secret: (password of Secret earlier)').and.not.to.contain('minted')
  })

  it('prints one JSON array with -o json', async () => {
    const { code, out } = await run([
      'render',
      '-o',
      'json',
      '-f',
      'examples/clients/web.yaml',
      'examples/clients/spa.yaml',
    ])
    expect(code).to.equal(0)
    expect((JSON.parse(out) as { client: string }[]).map((one) => one.client)).to.deep.equal([
      'demo/grafana',
      'demo/dashboard',
    ])
  })

  it('names file, line and field of every fault, and renders the clients that are fine', async () => {
    const text = [
      client(
        '  type: Web\n  redirectURIs:\n    - https://ok.example.com/\n    - http://bad.example.com/\n  tokens:\n    accessTTL: 1d\n',
        'bad',
      ),
      client('  type: M2M\n', 'good'),
    ].join('---\n')
    const { code, out, error } = await run(['render', '-f', 'all.yaml'], { 'all.yaml': text })
    expect(code).to.equal(1)
    expect(error.split('\n')).to.deep.equal([
      'all.yaml:7: spec.redirectURIs: must be https, or http on localhost, 127.0.0.1 or [::1]',
      'all.yaml:11: spec.tokens.accessTTL: must be a duration from 1m to 24h, such as 1m or 24h',
      '',
    ])
    expect(out).to.include('default.good').and.not.include('default.bad')
  })

  it('gives the line of a list item, and of a key with dots in it', async () => {
    const text = client(
      "  type: Web\n  redirectURIs: [https://a.example.com/]\n  secret:\n    data:\n      a.b.json: '{{ .nothing }}'\n",
    )
    expect((await run(['render', '-f', '-'], { '-': text })).error).to.match(
      /^\(stdin\):10: spec\.secret\.data\.a\.b\.json: has the unknown variable/,
    )
    const twice = client('  type: Web\n  redirectURIs:\n    - https://a.example.com/\n    - https://a.example.com/\n')
    expect((await run(['render', '-f', '-'], { '-': twice })).error).to.match(
      /^\(stdin\):9: spec\.redirectURIs\[1\]: Duplicate value/,
    )
  })

  it('checks clients against the policies that are given', async () => {
    const files = {
      'client.yaml': client('  type: Web\n  clientId: shop\n  redirectURIs: [https://shop.example.com/]\n'),
      'open.yaml':
        'apiVersion: auth.nauthera.io/v1alpha1\nkind: OIDCPolicy\nmetadata: {name: open}\nspec: {allow: {customClientId: true}}\n',
      'hosts.yaml':
        'apiVersion: auth.nauthera.io/v1alpha1\nkind: OIDCPolicy\nmetadata: {name: hosts}\nspec: {allow: {redirectHosts: [.apps.example.com]}}\n',
    }
    expect((await run(['render', '-f', 'client.yaml'], files)).error).to.include(
      'spec.clientId: needs a policy with allow.customClientId: true',
    )
    expect((await run(['render', '-f', 'client.yaml', '-p', 'open.yaml'], files)).code).to.equal(0)
    expect((await run(['render', '-f', 'client.yaml', '-p', 'open.yaml', 'hosts.yaml'], files)).error).to.equal(
      'client.yaml:8: spec.redirectURIs: must be on .apps.example.com (policy hosts)\n',
    )
  })

  it('K1 finds two clients with the same id in the files that are given', async () => {
    const spec = '  type: M2M\n  clientId: shop\n'
    const open =
      'apiVersion: auth.nauthera.io/v1alpha1\nkind: OIDCPolicy\nmetadata: {name: open}\nspec: {allow: {customClientId: true}}\n'
    const { error } = await run(['render', '-f', 'a', '-p', 'p'], {
      a: [client(spec, 'one'), client(spec, 'two')].join('---\n'),
      p: open,
    })
    expect(error).to.equal('a:15: spec.clientId: is taken by default/one; choose another\n')
  })

  const refused: readonly [sentence: string, text: string, error: RegExp][] = [
    ['what is no YAML', 'a: [', /^f:1: /],
    ['a list', '- a\n', /^f:1: must be a mapping/],
    ['an empty file', '', /^f:1: has no OIDCClient/],
    [
      'another version',
      'apiVersion: auth.nauthera.io/v1\nkind: OIDCClient\n',
      /^f:1: apiVersion: must be auth\.nauthera\.io\/v1alpha1/,
    ],
    [
      'an object without name and spec',
      'apiVersion: auth.nauthera.io/v1alpha1\nkind: OIDCClient\n',
      /metadata\.name: Required value\nf:1: spec: Required value/,
    ],
    [
      'a spec that is a text',
      'apiVersion: auth.nauthera.io/v1alpha1\nkind: OIDCClient\nmetadata: {name: a}\nspec: Web\n',
      /spec: must be a mapping/,
    ],
    ['__proto__ as a key', client('  type: M2M\n  __proto__: {suspended: true}\n'), /unknown field "spec\.__proto__"/],
  ]
  for (const [sentence, text, error] of refused) {
    it(`refuses ${sentence}`, async () => {
      const result = await run(['render', '-f', 'f'], { f: text })
      expect(result.code).to.equal(1)
      expect(result.error).to.match(error)
    })
  }

  it('refuses every bad example, and takes every good one', async () => {
    for (const file of readdirSync(new URL('examples/bad', root))) {
      const { code, error } = await run(['render', '-f', `examples/bad/${file}`])
      const [, path = '', message = ''] =
        /^# expect: ([^ ]+): (.*)$/m.exec(readFileSync(new URL(`examples/bad/${file}`, root), 'utf8')) ?? []
      expect(code, file).to.equal(1)
      expect(error, file).to.include(`${path}: `).and.include(message)
    }
    const good = readdirSync(new URL('examples/clients', root)).map((file) => `examples/clients/${file}`)
    const policies = ['everyone', 'demo'].map((name) => `examples/policies/${name}.yaml`)
    expect(await run(['render', '-f', ...good, '-p', ...policies])).to.include({ code: 0, error: '' })
  })

  it('RFC 9728 2 shows what an API tells its callers, and what each caller may have there', async () => {
    const files = ['api', 'm2m', 'demo-machine'].map((name) => `examples/clients/${name}.yaml`)
    const { code, out } = await run(['render', '-o', 'json', '-f', ...files, '-p', 'examples/policies/demo.yaml'])
    expect(code).to.equal(0)
    const [api, export_, machine] = JSON.parse(out) as {
      secret: { stringData: Record<string, string> }
      access?: object
    }[]
    expect(JSON.parse(api!.secret.stringData['protected_resource_metadata']!)).to.deep.equal({
      resource: 'https://billing.example.com',
      authorization_servers: ['https://login.example.com'],
      scopes_supported: ['invoices:read', 'invoices:write'],
      bearer_methods_supported: ['header'],
    })
    expect(api!.access).to.equal(undefined)
    expect(export_!.secret.stringData).not.to.have.property('protected_resource_metadata')
    expect(export_!.access).to.deep.equal({ 'https://billing.example.com': 'granted: invoices:read' })
    expect(machine!.access).to.deep.equal({ 'https://reports.example.com': 'granted, without a scope' })
    const alone = await run(['render', '-f', 'examples/clients/m2m.yaml'])
    expect(alone.out).to.include('https://billing.example.com: not in these files, and no policy in them lists it')
  })

  it('exits with 2 for a wrong command line, and says how to get help', async () => {
    expect(await run(['render'])).to.include({ code: 2, out: '' })
    expect((await run(['render', '-f', 'a', '-o', 'xml'])).code).to.equal(2)
    expect((await run(['render', '-f', 'a', '--issuer', 'login'])).error).to.include('must be a URL')
    expect((await run(['render', '--help'])).out)
      .to.include('--filename')
      .and.include('Example:')
    expect((await run(['--help'])).out).to.include('render')
  })

  it('runs as a program that reads standard input', () => {
    const program = fileURLToPath(new URL('operator/src/kubectl/main.ts', root))
    const result = spawnSync(process.execPath, [program, 'render', '-f', '-'], {
      input: client('  type: M2M\n'),
      encoding: 'utf8',
      timeout: 20_000,
    })
    expect({ status: result.status, stderr: result.stderr }).to.deep.equal({ status: 0, stderr: '' })
    expect(result.stdout).to.include('client_id: default.app')
  })

  const object = (metadata: string, more = '') =>
    `apiVersion: auth.nauthera.io/v1alpha1\nkind: OIDCClient\nmetadata: ${metadata}\nspec: {type: M2M}\n${more}`
  const shapes: readonly (readonly [sentence: string, text: string, says: string])[] = [
    ['a name with other characters', object('{name: Foo_Bar}'), 'x.yaml:3: metadata.name: must be'],
    ['a name of 254 characters', object(`{name: ${'a'.repeat(254)}}`), 'x.yaml:3: metadata.name: must be'],
    ['a name that is a number', object('{name: 5}'), 'x.yaml:3: metadata.name: must be'],
    ['no name', object('{}'), 'x.yaml:3: metadata.name: Required value'],
    ['a namespace that is none', object('{name: a, namespace: ../x y}'), 'x.yaml:3: metadata.namespace: must be'],
    ['a namespace with a dot', object('{name: a, namespace: x.y}'), 'x.yaml:3: metadata.namespace: must be'],
    ['annotations in a list', object('{name: a, annotations: [1]}'), 'x.yaml:3: metadata.annotations: must be'],
    [
      'an annotation that is a number',
      object('{name: a, annotations: {b: 1}}'),
      'metadata.annotations.b: must be text',
    ],
    ['a label that is a number', object('{name: a, labels: {b: 1}}'), 'x.yaml:3: metadata.labels.b: must be text'],
    ['metadata in a list', object('[]'), 'x.yaml:3: metadata: must be a mapping'],
    ['a status that is a number', object('{name: a}', 'status: 5\n'), 'x.yaml:5: status: must be a mapping'],
    ['a spec in a list', object('{name: a}').replace('{type: M2M}', '[]'), 'x.yaml:4: spec: must be a mapping'],
    [
      'a policy without a name that the API takes',
      'apiVersion: auth.nauthera.io/v1alpha1\nkind: OIDCPolicy\nmetadata: {name: A}\nspec: {}\n',
      'x.yaml:3: metadata.name: must be',
    ],
  ]
  for (const [sentence, text, says] of shapes) {
    it(`refuses ${sentence}`, async () => {
      const { code, out, error } = await run(['render', '-f', 'x.yaml'], { 'x.yaml': text })
      expect(code).to.equal(1)
      expect(error).to.contain(says)
      expect(out).to.equal('')
    })
  }

  it('ignores a status, as the API does', async () => {
    const text = object('{name: a}', 'status: {conditions: [{type: Ready}]}\n')
    expect((await run(['render', '-f', 'x.yaml'], { 'x.yaml': text })).code).to.equal(0)
  })

  it('refuses a --namespace that cannot be the name of a namespace', async () => {
    const { code, error } = await run(['render', '-f', 'x.yaml', '-n', '../x'], { 'x.yaml': object('{name: a}') })
    expect({ code, error }).to.deep.equal({
      code: 2,
      error: '--namespace: must be a name of lower-case letters, digits and -, at most 63 characters\n',
    })
  })

  it('sends no control character to the terminal', async () => {
    const files = {
      name: object(String.raw`{name: "a\e[31m"}`),
      key: object('{name: a}').replace(
        '{type: M2M}',
        String.raw`{type: M2M, secret: {data: {"k\e]0;x\a\n": "{{ .nope }}"}}}`,
      ),
      value: object('{name: a}').replace(
        '{type: M2M}',
        String.raw`{type: M2M, secret: {data: {k: "\e[2J\x9b2J\x7f"}}}`,
      ),
      [`\u001b[31m`]: 'a: [}',
    }
    for (const args of [
      ...Object.keys(files).map((file) => ['-f', file]),
      ['-f', 'value', '-o', 'json'],
      ['--\u001b[1m'],
    ]) {
      const { out, error } = await run(['render', ...args], files)
      expect(out + error, JSON.stringify(args)).to.match(/^[\t\n\u0020-\u007e\u00a0-\uffff]+$/)
    }
    const { out } = await run(['render', '-f', 'value'], files)
    const [secret] = (parseAllDocuments(out) as { toJS(): { stringData: Record<string, string> } }[]).map((one) =>
      one.toJS(),
    )
    expect(secret!.stringData['k']).to.equal('\u001b[2J\u009b2J\u007f')
  })

  it('says what is wrong with a file that it can read but not use', async () => {
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]']
    for (const [from, to] of ['ab', 'bc', 'cd', 'de', 'ef']) bomb.push(`${to}: &${to} [${`*${from},`.repeat(9)}]`)
    const { code, error } = await run(['render', '-f', 'bomb', 'deep'], {
      bomb: bomb.join('\n'),
      deep: `${object('{name: a}')}more: ${'['.repeat(20_000)}${']'.repeat(20_000)}\n`,
    })
    expect(code).to.equal(1)
    expect(error).to.match(
      /^bomb:1: has too many YAML aliases \(\*name\); write the values out\ndeep:1: is nested too deeply/,
    )
  })
})
