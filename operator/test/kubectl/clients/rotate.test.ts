import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { expect } from 'chai'
import fc from 'fast-check'
import { parse } from 'yaml'
import { propertyRuns } from '@nauthera/harness/property-runs'
import type { OIDCClientStatus } from '../../../src/api/client-status.ts'
import type { OIDCClient } from '../../../src/api/oidc-client.ts'
import { ownKeys } from '../../../src/decide/secret/presets.ts'
import { client } from '../../decide/clients.ts'
import { kubectlGives, kubectlRefuses, runPlugin } from '../plugin.ts'

const mark = '2026-01-01T12:00:00.000Z'
const condition = (type: string, more: object = {}) => ({
  type,
  status: 'True' as const,
  reason: type,
  message: `${type} is so`,
  lastTransitionTime: '2026-01-01T00:00:00Z',
  ...more,
})
const begun = { name: 'app-oidc', activeId: 'aaaaaaaa' }

/** @param stages what the object says at each look; the last one stays */
function run(args: readonly string[], stages: readonly Partial<OIDCClientStatus>[], more: Partial<OIDCClient> = {}) {
  let look = 0
  return runPlugin(args, {
    kubectl: (called) => {
      if (called[0] === 'patch') return { code: 0, stdout: 'oidcclient/app', stderr: '' }
      const status = stages[Math.min(look++, stages.length - 1)]
      return kubectlGives({ kind: 'OIDCClient', ...client({}), ...more, status })
    },
  })
}

describe('kubectl nauthera rotate', () => {
  it('asks by the annotation, and says where to look', async () => {
    const { code, out, calls } = await run(['rotate', 'app', '-n', 'demo'], [{ secret: begun }])
    expect(code).to.equal(0)
    expect(out).to.include('asked for')
    expect(calls[1]).to.equal(
      `patch oidcclients.auth.nauthera.io app --type merge --patch {"metadata":{"annotations":{"auth.nauthera.io/rotate":"${mark}"}}} --output name --namespace demo`,
    )
  })

  it('follows it with a line for each thing that is new', async () => {
    const lagging = condition('Propagated', { status: 'False', message: 'live on 1/2 replicas' })
    const { code, out, error } = await run(
      ['rotate', 'app', '--wait'],
      [
        { secret: begun },
        { secret: begun, conditions: [condition('Propagated')] },
        { secret: begun, conditions: [condition('Propagated')] },
        { secret: begun, conditions: [lagging] },
        {
          secret: {
            ...begun,
            activeId: 'bbbbbbbb',
            observedAnnotation: mark,
            previous: [{ id: 'aaaaaaaa', expiresAt: '2026-01-02T12:00:00Z' }],
          },
        },
      ],
    )
    expect({ code, out, error: error.split('\n') }).to.deep.equal({
      code: 0,
      out: 'the new secret bbbbbbbb is in Secret app-oidc; the previous one still works: aaaaaaaa until 2026-01-02T12:00:00Z\n',
      error: [
        '   0 s  asked for; the servers learn the new secret before the Secret has it',
        '   2 s  asked for; the servers learn the new secret before the Secret has it: live on 1/2 replicas',
        '',
      ],
    })
  })

  it('after a leak waits until no older secret works', async () => {
    const published = { ...begun, activeId: 'bbbbbbbb', observedAnnotation: mark }
    const { code, out, error, calls } = await run(
      ['rotate', 'app', '--wait', '--revoke-previous'],
      [
        { secret: begun },
        { secret: { ...published, previous: [{ id: 'aaaaaaaa' }] } },
        { secret: { ...published, observedRevoke: mark } },
      ],
      { metadata: { ...client({}).metadata, labels: { 'kustomize.toolkit.fluxcd.io/name': 'apps' } } },
    )
    expect(code).to.equal(0)
    expect(calls[1]).to.include(`"spec":{"rotation":{"revokePrevious":"${mark}"}}`)
    expect(error).to.match(
      /^Flux keeps this object as it is in Git.*\n {3}0 s {2}.*; not every server refuses the older ones yet\n$/,
    )
    expect(out).to.include('bbbbbbbb is in Secret app-oidc; every server refuses the older ones')
  })

  it('after a leak waits unasked, names who still accepts an older secret after the time-out, and ends with 1', async () => {
    const published = { ...begun, activeId: 'bbbbbbbb', observedAnnotation: mark, observedRevoke: mark }
    const message = 'ended: aaaaaaaa; these replicas may still accept it: server-b'
    const conditions = [condition('RotationHealthy', { reason: 'Retiring', message })]
    const { code, error } = await run(
      ['rotate', 'app', '--revoke-previous', '--timeout', '3s'],
      [{ secret: begun }, { secret: { ...published, previous: [{ id: 'aaaaaaaa' }] }, conditions }],
    )
    expect(code).to.equal(1)
    expect(error).to.include('ended: aaaaaaaa; these replicas may still accept it: server-b\nnot through after 3s')
    const unwatched = await run(['rotate', 'app', '--revoke-previous', '--no-wait'], [{ secret: begun }])
    expect([unwatched.code, unwatched.error]).to.deep.equal([0, ''])
  })

  it('says what a rotation waits for, gives up after the time-out, and says that it goes on', async () => {
    const waits = condition('RotationHealthy', { reason: 'Waiting', message: 'waits until secret cccccccc ends' })
    const { code, error } = await run(
      ['rotate', 'app', '--wait', '--timeout', '3s'],
      [{ secret: begun }, { secret: begun, conditions: [waits] }],
    )
    expect(code).to.equal(1)
    expect(error).to.equal(
      '   0 s  waits until secret cccccccc ends\nnot through after 3s; it goes on without you. kubectl nauthera why app\n',
    )
  })

  for (const [what, status, spec, said] of [
    [
      'without a secret yet',
      { secret: { name: 'app-oidc' } },
      {},
      'has no client secret yet: there is nothing to rotate',
    ],
    [
      'that never has a secret',
      { secret: { name: 'app-oidc' } },
      { type: 'SPA' },
      'is a client without a secret (SPA, auth.method none): there is nothing to rotate',
    ],
    [
      'with a secret of its own',
      { secret: begun },
      { secret: { existingSecretRef: { name: 'mine', key: 'k' } } },
      'write another value into key k of Secret mine',
    ],
  ] as const)
    it(`changes nothing of a client ${what}`, async () => {
      const { code, error, calls } = await run(['rotate', 'app'], [status], { spec: client(spec).spec })
      expect({ code, calls: calls.length }).to.deep.equal({ code: 1, calls: 1 })
      expect(error).to.include(said)
    })

  it('says which right is missing', async () => {
    const { code, error } = await runPlugin(['rotate', 'app'], { kubectl: () => kubectlRefuses('Forbidden') })
    expect(code).to.equal(2)
    expect(error).to.include('to get and patch oidcclients.auth.nauthera.io there. kubectl nauthera doctor')
  })
})

describe('kubectl nauthera suspend and resume', () => {
  it('set the field, and wait until every server has it', async () => {
    const { generation } = client({}).metadata
    const stopped = condition('Active', { status: 'False', reason: 'Suspended' })
    const unknown = condition('Active', { status: 'Unknown', message: 'it stops; these may still serve it: b' })
    const { code, out, error, calls } = await run(
      ['suspend', 'app'],
      [
        { observedGeneration: generation - 1 },
        { observedGeneration: generation - 1 },
        { observedGeneration: generation, conditions: [unknown] },
        { observedGeneration: generation, conditions: [stopped] },
      ],
    )
    expect(calls[0]).to.include('--patch {"spec":{"suspended":true}}')
    expect({ code, out }).to.deep.equal({ code: 0, out: 'app: no server lets it in any more\n' })
    expect(error.split('\n').map((line) => line.slice(8))).to.deep.equal([
      'the operator has not seen it yet',
      'it stops; these may still serve it: b',
      '',
    ])
    const again = await run(
      ['resume', 'app', '--wait'],
      [{ observedGeneration: generation, conditions: [condition('Active'), condition('Ready')] }],
    )
    expect(again).to.include({ code: 0, out: 'app: it is live on every replica\n' })
    expect((await run(['suspend', 'app', '--no-wait'], [{}])).out).to.equal('app: spec.suspended is true\n')
    expect((await run(['resume', 'app'], [{}])).out).to.equal('app: spec.suspended is false\n')
  })

  it('suspend names who may still let the client in after the time-out, and ends with 1', async () => {
    const message = 'it stops; these replicas may still serve it: server-b'
    const conditions = [condition('Active', { status: 'Unknown', reason: 'ReplicasLagging', message })]
    const { code, error } = await run(
      ['suspend', 'app', '--timeout', '3s'],
      [{ observedGeneration: client({}).metadata.generation, conditions }],
    )
    expect({ code, error }).to.deep.equal({
      code: 1,
      error: `   0 s  ${message}\nnot through after 3s; it goes on without you. kubectl nauthera why app\n`,
    })
  })
})

describe('kubectl nauthera secret', () => {
  const plain = `it's-${'s'.repeat(40)}`
  const activeId = createHash('sha256').update(plain).digest('hex').slice(0, 8)
  const values = {
    client_id: 'demo.app',
    client_secret: plain,
    'config.json': JSON.stringify({ secret: plain }),
    'basic-auth': Buffer.from(`id:${plain}`).toString('base64'),
    issuer: 'https://login.example.com',
  }
  const secret = (args: readonly string[], id: string | undefined = activeId, held: object = values) =>
    runPlugin(['secret', 'app', ...args], {
      kubectl: (called) =>
        called[1] === 'secret'
          ? kubectlGives({
              data: Object.fromEntries(
                Object.entries(held).map(([key, value]) => [key, Buffer.from(String(value)).toString('base64')]),
              ),
            })
          : kubectlGives({
              kind: 'OIDCClient',
              ...client({}),
              status: { secret: { name: 'app-oidc', ...(id === undefined ? {} : { activeId: id }) } },
            }),
    })

  it('hides the client secret and each value that contains it', async () => {
    const { code, out } = await secret([])
    expect(code).to.equal(0)
    expect(out)
      .to.match(/^client_id +demo\.app\n/)
      .and.to.match(/issuer +https:\/\/login/)
    for (const key of ['client_secret', 'config.json', 'basic-auth'])
      expect(out).to.include(`(hidden; --as ${key} prints it)`)
    expect(out).not.to.include('sss')
  })

  it('hides all when it cannot tell which value is the secret', async () => {
    expect((await secret([], 'ffffffff')).out).not.to.include('demo.app')
  })

  it('prints them as it is asked to', async () => {
    expect((await secret(['--as', 'client_secret'])).out).to.equal(plain)
    expect(JSON.parse((await secret(['--as', 'json'])).out)).to.deep.equal(values)
    expect((await secret(['--as', 'env'])).out)
      .to.include(`CLIENT_SECRET='it'\\''s-sss`)
      .and.to.include("SECRET_BASIC_AUTH='")
    const { code, error } = await secret(['--as', 'password'])
    expect({ code, error }).to.deep.equal({
      code: 2,
      error:
        '--as password: is neither env, json nor a key of the Secret: client_id, client_secret, config.json, basic-auth, issuer\n',
    })
  })
})

describe('kubectl nauthera secret --as env', () => {
  const lines = async (data: Readonly<Record<string, string>>, keys: Readonly<Record<string, string>> = {}) => {
    const { out } = await runPlugin(['secret', 'app', '--as', 'env'], {
      kubectl: (called) =>
        called[1] === 'secret'
          ? kubectlGives({
              data: Object.fromEntries(
                Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
              ),
            })
          : kubectlGives({
              kind: 'OIDCClient',
              ...client({ secret: { keys } }),
              status: { secret: { name: 'app-oidc' } },
            }),
    })
    return out
  }
  /** Read by shells and by what they start. */
  const powerful = ['PATH', 'IFS', 'ENV', 'BASH_ENV', 'PROMPT_COMMAND', 'PS1', 'LD_PRELOAD', 'NODE_OPTIONS', 'HOME']

  it('gives a key that a tenant named a prefix, so that it never sets what a shell reads', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(
          fc.oneof(
            fc.constantFrom(...powerful, 'path', 'ld-preload', 'Ld.Preload'),
            fc.stringMatching(/^[-._a-zA-Z0-9]{1,20}$/),
          ),
          fc.string({ maxLength: 20 }),
          { minKeys: 1, maxKeys: 8, noNullPrototype: true },
        ),
        async (data) => {
          const names = [...(await lines(data)).matchAll(/^([A-Z0-9_]+)='/gm)].map(([, name]) => name!)
          for (const name of names) expect(powerful).not.to.include(name)
          const foreign = Object.keys(data).filter((key) => !ownKeys.has(key))
          expect(names.filter((name) => name.startsWith('SECRET_'))).to.have.length.at.least(foreign.length)
        },
      ),
      { numRuns: propertyRuns(50) },
    )
  })

  it('sets nothing else in a real shell, whatever keys and values are', async () => {
    const data = { PATH: '/evil', PROMPT_COMMAND: 'x', client_id: "a'$(echo b)\n`c`", 'ld-preload': 'y' }
    const text = await lines(data)
    const { stdout } = spawnSync(
      'bash',
      ['--norc', '-c', `${text}\nprintf '%s|%s|%s' "$PATH" "$SECRET_PATH" "$CLIENT_ID"`],
      {
        env: { PATH: process.env['PATH'] },
        encoding: 'utf8',
      },
    )
    expect(stdout).to.equal(`${process.env['PATH']}|/evil|${data.client_id}`)
  })

  it('gives a key that was renamed its usual name, and keeps those of presets', async () => {
    const text = await lines({ PATH: 'demo.app', OIDC_ISSUER: 'https://a.example' }, { client_id: 'PATH' })
    expect(text).to.equal("CLIENT_ID='demo.app'\nOIDC_ISSUER='https://a.example'\n")
  })

  it('has no name of ours that a shell reads', () => {
    const names = [...ownKeys].map((key) => key.toUpperCase().replace(/[^A-Z0-9]/g, '_'))
    expect(
      names.filter((name) => powerful.includes(name) || /^(?:LD|DYLD|NODE|GIT|BASH|PYTHON)_/.test(name)),
    ).to.deep.equal([])
  })
})

describe('kubectl nauthera secret new', () => {
  it('prints a secret of 256 bits and what the object lists of it, another one each time', async () => {
    const { code, out } = await runPlugin(['secret', 'new'])
    const said = parse(out) as { client_secret: string; secret: object }
    expect(code).to.equal(0)
    expect(said.client_secret).to.match(/^[A-Za-z0-9_-]{43}$/)
    const sha256 = createHash('sha256').update(said.client_secret).digest('hex')
    expect(said.secret).to.deep.equal({ verifiers: [{ sha256 }] })
    expect(out).to.contain(`the secret ${sha256.slice(0, 8)}`)
    expect((await runPlugin(['secret', 'new'])).out).not.to.contain(said.client_secret)
  })

  it('prints them as JSON', async () => {
    const said = JSON.parse((await runPlugin(['secret', 'new', '-o', 'json'])).out)
    const sha256 = createHash('sha256').update(said.client_secret).digest('hex')
    expect(said.id).to.equal(sha256.slice(0, 8))
    expect(said.spec).to.deep.equal({ secret: { verifiers: [{ sha256 }] } })
  })
})

describe('a client that lists its secrets', () => {
  const listed = () =>
    kubectlGives({
      kind: 'OIDCClient',
      ...client({ secret: { verifiers: [{ sha256: 'a'.repeat(64) }] } }),
      status: { secret: {}, verifiers: [{ id: 'aaaaaaaa', acceptedByAll: true, firstSeen: '2026-01-01T00:00:00Z' }] },
    })

  it('is not rotated by a command: its owner is told how', async () => {
    const { code, error } = await runPlugin(['rotate', 'app'], { kubectl: listed })
    expect({ code, error }).to.deep.equal({
      code: 1,
      error:
        'app lists its secrets itself: make another one with kubectl nauthera secret new, list it first in spec.secret.verifiers, and give the old one a notAfter there\n',
    })
  })

  it('has no Secret to show', async () => {
    const { code, error } = await runPlugin(['secret', 'app'], { kubectl: listed })
    expect(code).to.equal(1)
    expect(error).to.contain('its owner keeps them, and there is no Secret')
  })
})
