import { createHash } from 'node:crypto'
import { refusalKinds } from '@nauthera/rules/refusals'
import type { RefusalCode } from '@nauthera/rules/refusals'
import { expect } from 'chai'
import type { OIDCClientStatus } from '../../../src/api/client-status.ts'
import type { OIDCClient } from '../../../src/api/oidc-client.ts'
import { runCommand } from '../../../src/kubectl/command.ts'
import { client } from '../../decide/clients.ts'

const now = Date.parse('2026-01-01T12:00:00Z')
const secret = 's'.repeat(43)
const id = createHash('sha256').update(secret).digest('hex').slice(0, 8)
const types = [
  'Accepted',
  'PolicyCompliant',
  'AudiencesGranted',
  'SecretReady',
  'Propagated',
  'RotationHealthy',
  'Active',
  'Ready',
]

const condition = (type: string, more: object = {}) => ({
  type,
  status: 'True' as const,
  reason: type,
  message: 'm',
  lastTransitionTime: '2026-01-01T00:00:00Z',
  ...more,
})

const wellStatus: OIDCClientStatus = {
  observedGeneration: 1,
  clientId: 'apps.app',
  issuer: 'https://login.example.com',
  policies: ['baseline'],
  replicas: { loaded: 2, total: 2, summary: '2/2' },
  secret: { name: 'app-oidc', activeId: id, lastRotated: '2026-01-01T09:00:00Z' },
  conditions: types.map((type) => condition(type)),
}

/** A client that is well, and what differs. */
const made = (status: Partial<OIDCClientStatus> = {}, spec: Partial<OIDCClient['spec']> = {}): OIDCClient => ({
  ...client({ redirectURIs: ['https://app.example.com/callback'], ...spec }),
  status: { ...wellStatus, ...status },
})

const forbidden = { code: 1, stderr: 'Error from server (Forbidden): secrets "app-oidc" is forbidden', stdout: '' }
const absent = { code: 1, stderr: 'Error from server (NotFound): secrets "app-oidc" not found', stdout: '' }
const answer = (value: object) => ({ code: 0, stdout: JSON.stringify(value), stderr: '' })
const holding = (...values: string[]) =>
  answer({ data: Object.fromEntries(values.map((value, key) => [`k${key}`, Buffer.from(value).toString('base64')])) })

function run(
  args: readonly string[],
  cluster: { readonly clients?: readonly OIDCClient[]; readonly secret?: ReturnType<typeof answer> },
) {
  let [out, error] = ['', '']
  const calls: string[] = []
  const [first] = cluster.clients ?? []
  const withKind = (one: OIDCClient) => ({ kind: 'OIDCClient', ...one })
  const code = runCommand(args, {
    read: () => '',
    out: (text) => (out += text),
    error: (text) => (error += text),
    now: () => now,
    kubectl: (called) => {
      calls.push(called.join(' '))
      if (called[1] === 'secret') return cluster.secret ?? holding(secret)
      if (first === undefined)
        return {
          ...absent,
          stderr:
            'E1130 05:22:53.9 memcache.go:265] "Unhandled"\nError from server (NotFound): oidcclients "app" not found\n',
        }
      return answer(args[0] === 'list' ? { items: cluster.clients!.map(withKind) } : withKind(first))
    },
  })
  return { code, out, error, calls }
}

describe('kubectl nauthera why', () => {
  const why = (one: OIDCClient, seen?: ReturnType<typeof answer>) =>
    run(['why', 'app', '-n', 'apps', '--context', 'c'], { clients: [one], ...(seen && { secret: seen }) })

  it('says that a client works, with what it read, and exits with 0', () => {
    const { code, out, error, calls } = why(made())
    expect({ code, error }).to.deep.equal({ code: 0, error: '' })
    expect(out).to.match(/^\S+ works: it is live on every replica, and no request in its name was refused/)
    expect(out).to.include(`app-oidc holds secret ${id}; written 3 h ago`)
    expect(out).to.include('2 of 2 replicas serve it')
    expect(calls[0]).to.equal('get oidcclients.auth.nauthera.io app --namespace apps --context c --output json')
    expect(out, 'no secret').not.to.include(secret)
  })

  for (const type of types.filter((one) => one !== 'Ready'))
    it(`says first what is wrong when ${type} is False, with a cure`, () => {
      const conditions = types.map((one) =>
        condition(
          one,
          one === type || one === 'Ready' ? { status: 'False', reason: 'Reason', message: 'what is wrong' } : {},
        ),
      )
      const { code, out } = why(made({ conditions }))
      expect(code).to.equal(1)
      expect(out).to.match(
        new RegExp(`: one thing is wrong.\\n\\n1. ${type} is False \\(Reason\\): what is wrong\\n {3}-> \\S`),
      )
    })

  it('does not count what works all the same', () => {
    const conditions = [...wellStatus.conditions!, condition('CodeProtected', { status: 'False', reason: 'R' })]
    const { code, out } = why(made({ conditions }))
    expect(code).to.equal(0)
    expect(out).to.include('1. (works) CodeProtected is False')
  })

  it('compares the Secret with the one that the operator wrote', () => {
    expect(why(made(), absent).out).to.include('the Secret app-oidc is not there')
    expect(why(made(), holding('another')).out).to.include(`does not hold the secret ${id}`)
    expect(why(made(), holding('https://login.example.com', secret)).code).to.equal(0)
    const old = { id: createHash('sha256').update('old').digest('hex').slice(0, 8) }
    const rotated = made({ secret: { ...wellStatus.secret!, previous: [old] } })
    expect(why(rotated, holding('old')).out).to.include(`holds the secret of before, ${old.id}, not ${id}`)
  })

  it('says what it could tell with more rights', () => {
    const { code, out } = why(made(), forbidden)
    expect(code).to.equal(0)
    expect(out).to.include('with the right to read Secrets here')
  })

  it('says when the operator has not looked yet, and when none has', () => {
    expect(why(made({ observedGeneration: 0 })).out).to.include('has not looked at generation 1 yet')
    const { code, out } = why(client())
    expect(code).to.equal(1)
    expect(out).to.include('no operator has looked at it')
  })

  it('tells each refusal with its meaning, what the request had, what the object has, and what to compare', () => {
    const refusal = (code: RefusalCode, more: object = {}) => ({
      code,
      by: 'Anyone' as const,
      count: 3,
      lastSeen: '2026-01-01T11:58:00Z',
      hint: refusalKinds[code].hint,
      ...more,
    })
    const detail = 'https://app.example.com/other'
    const { code, out } = why(made({ refusals: [refusal('REDIRECT_URI_NOT_LISTED', { detail })] }))
    expect(code).to.equal(1)
    expect(out).to.include('3 times within the hour, last 2 min ago, by anybody who knows the client id')
    expect(out).to.include(`It had: ${detail}`)
    expect(out).to.include('The object has: https://app.example.com/callback')
    for (const one of Object.keys(refusalKinds) as RefusalCode[]) {
      const told = why(made({ refusals: [refusal(one, { by: 'Client', count: 1 })] })).out
      expect(told).to.include(`1. ${one}: `)
      expect(told).to.include('-> ')
      expect(told).to.include('1 time within the hour')
    }
  })

  it('gives the same for programs, as JSON', () => {
    const { out } = run(['why', 'app', '-o', 'json'], { clients: [made({ observedGeneration: 0 })] })
    expect(JSON.parse(out)).to.deep.include({ notRead: [] }).and.have.nested.property('findings[0].severity', 'broken')
  })

  it('exits with 2 and says why when the client cannot be read', () => {
    const { code, error } = run(['why', 'app'], {})
    expect(code).to.equal(2)
    expect(error, 'without the log of kubectl').to.equal('Error from server (NotFound): oidcclients "app" not found\n')
  })
})

describe('kubectl nauthera list', () => {
  const named = (name: string, status: Partial<OIDCClientStatus>): OIDCClient => {
    const one = made(status)
    return { ...one, metadata: { ...one.metadata, name } }
  }
  const clients = [
    named('well', {}),
    named('late', { conditions: [condition('Ready', { status: 'False', reason: 'ReplicasLagging' })] }),
    named('due', { secret: { ...wellStatus.secret!, nextRotation: '2026-01-02T12:00:00Z' } }),
    named('refused', {
      refusals: [{ code: 'SECRET_WRONG', by: 'Anyone', count: 7, lastSeen: '2026-01-01T11:00:00Z', hint: 'h' }],
    }),
  ]
  const names = (...args: string[]) =>
    (JSON.parse(run(['list', '-o', 'json', ...args], { clients }).out) as { name: string }[]).map(({ name }) => name)

  it('shows every client in a table, and with a filter only those that it asks for', () => {
    const { code, out, calls } = run(['list', '-A'], { clients })
    expect(code).to.equal(0)
    expect(calls).to.deep.equal(['get oidcclients.auth.nauthera.io --all-namespaces --output json'])
    expect(out).to.match(/NAMESPACE +NAME +READY +SERVERS +SECRET-AGE +NEXT-ROTATION +REFUSED\n/)
    expect(out).to.match(/late +False \(ReplicasLagging\) +2\/2 +3h +- +-\n/)
    expect(out).to.match(/due +True +2\/2 +3h +in 24h +-\n/)
    expect(out).to.match(/refused +True .*SECRET_WRONG x7\n/)
    expect(names('--not-ready')).to.deep.equal(['late'])
    expect(names('--refused')).to.deep.equal(['refused'])
    expect(names('--expiring', '48h')).to.deep.equal(['due'])
    expect(names('--expiring', '1h')).to.deep.equal([])
  })

  it('says how many there are when none is left, and what a time looks like', () => {
    expect(run(['list', '--expiring', '1h'], { clients }).error).to.equal('none of 4 clients\n')
    expect(run(['list', '--expiring', 'soon'], { clients })).to.include({ code: 2 })
  })
})
