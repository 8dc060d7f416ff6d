import { createHash } from 'node:crypto'
import { refusalKinds } from '@nauthera/rules/refusals'
import type { RefusalCode } from '@nauthera/rules/refusals'
import { expect } from 'chai'
import type { OIDCClientStatus } from '../../../src/api/client-status.ts'
import type { OIDCClient } from '../../../src/api/oidc-client.ts'
import type { CallKubectl } from '../../../src/kubectl/cluster.ts'
import { client } from '../../decide/clients.ts'
import { kubectlGives, kubectlRefuses, runPlugin } from '../plugin.ts'

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

const forbidden = kubectlRefuses('Forbidden')
const absent = kubectlRefuses('NotFound', 'oidcclients "app" not found')
const holding = (...values: string[]) =>
  kubectlGives({
    data: Object.fromEntries(values.map((value, key) => [`k${key}`, Buffer.from(value).toString('base64')])),
  })

function run(
  args: readonly string[],
  cluster: { readonly clients?: readonly OIDCClient[]; readonly secret?: ReturnType<CallKubectl> },
) {
  const [first] = cluster.clients ?? []
  const withKind = (one: OIDCClient) => ({ kind: 'OIDCClient', ...one })
  return runPlugin(args, {
    kubectl: (called) => {
      if (called[1] === 'secret') return cluster.secret ?? holding(secret)
      if (first === undefined) return absent
      return kubectlGives(args[0] === 'list' ? { items: cluster.clients!.map(withKind) } : withKind(first))
    },
  })
}

describe('kubectl nauthera why', () => {
  const why = (one: OIDCClient, seen?: ReturnType<CallKubectl>) =>
    run(['why', 'app', '-n', 'apps', '--context', 'c'], { clients: [one], ...(seen && { secret: seen }) })

  it('says that a client works, with what it read, and exits with 0', async () => {
    const { code, out, error, calls } = await why(
      made({ secret: { ...wellStatus.secret!, lastUsed: '2026-01-01T10:00:00Z' } }),
    )
    expect({ code, error }).to.deep.equal({ code: 0, error: '' })
    expect(out).to.match(/^\S+ works: it is live on every replica, and no request in its name was refused/)
    expect(out).to.include(`app-oidc holds secret ${id}; written 3 h ago; used within the last two days`)
    expect(out).to.include('2 of 2 replicas serve it')
    expect(calls[0]).to.equal('get oidcclients.auth.nauthera.io app --namespace apps --context c --output json')
    expect(out, 'no secret').not.to.include(secret)
  })

  for (const type of types.filter((one) => one !== 'Ready'))
    it(`says first what is wrong when ${type} is False, with a cure`, async () => {
      const conditions = types.map((one) =>
        condition(
          one,
          one === type || one === 'Ready' ? { status: 'False', reason: 'Reason', message: 'what is wrong' } : {},
        ),
      )
      const { code, out } = await why(made({ conditions }))
      expect(code).to.equal(1)
      expect(out).to.match(
        new RegExp(`: one thing is wrong.\\n\\n1. ${type} is False \\(Reason\\): what is wrong\\n {3}-> \\S`),
      )
    })

  it('says what is wrong once, without the conditions that follow from it', async () => {
    const wrong = {
      PolicyCompliant: 'PolicyViolation',
      AudiencesGranted: 'NotRendered',
      SecretReady: 'WaitingForReplicas',
      Propagated: 'NotRendered',
      Active: 'NotServed',
    } as Readonly<Record<string, string>>
    const conditions = types.map((type) =>
      wrong[type] === undefined ? condition(type) : condition(type, { status: 'False', reason: wrong[type] }),
    )
    const { out, code } = await why(made({ conditions }))
    expect(out).to.include('one thing is wrong').and.to.include('PolicyCompliant is False')
    expect(code).to.equal(1)
    const waiting = [condition('SecretReady', { status: 'False', reason: 'WaitingForReplicas' })]
    const { out: alone } = await why(made({ conditions: waiting }))
    expect(alone).to.include('SecretReady is False')
  })

  it('does not count what works all the same', async () => {
    const conditions = [...wellStatus.conditions!, condition('CodeProtected', { status: 'False', reason: 'R' })]
    const { code, out } = await why(made({ conditions }))
    expect(code).to.equal(0)
    expect(out).to.include('1. (works) CodeProtected is False')
  })

  it('compares the Secret with the one that the operator wrote', async () => {
    expect((await why(made(), absent)).out).to.include('the Secret app-oidc is not there')
    expect((await why(made(), holding('another'))).out).to.include(`does not hold the secret ${id}`)
    expect((await why(made(), holding('https://login.example.com', secret))).code).to.equal(0)
    const old = { id: createHash('sha256').update('old').digest('hex').slice(0, 8) }
    const rotated = made({ secret: { ...wellStatus.secret!, previous: [old] } })
    expect((await why(rotated, holding('old'))).out).to.include(`holds the previous secret, ${old.id}, not ${id}`)
    const facts = async (expiresAt?: string) => {
      const previous = [{ ...old, ...(expiresAt !== undefined && { expiresAt }), lastUsed: '2026-01-01T11:00:00Z' }]
      return (await why(made({ secret: { ...wellStatus.secret!, previous } }))).out
    }
    const accepts = `a server may still accept secret ${old.id}`
    expect(await facts()).to.include(`; ${accepts}, last used 1 h ago`)
    expect(await facts('2026-01-02T00:00:00Z')).to.include(`; ${accepts} until 2026-01-02T00:00:00Z, last used 1 h ago`)
    expect(await facts('2026-01-01T11:59:00Z')).to.include(
      `; secret ${old.id} ended at 2026-01-01T11:59:00Z and a server may still accept it, last used 1 h ago`,
    )
  })

  it('says what a sign-in that names no scope gets', async () => {
    const of = async (spec: Partial<OIDCClient['spec']>, apis: readonly string[] = []) => {
      const effective = { apis: apis.map((identifier) => ({ identifier, accessTTL: '5m', format: 'jwt' as const })) }
      const { out } = await why(made(apis.length > 0 ? { effective } : {}, spec))
      return /scopes +(a sign-in .*)/.exec(out)?.[1]
    }
    const gets = 'a sign-in that names no scope gets'
    expect(await of({})).to.equal(`${gets} openid, profile, email, groups`)
    const scopes = ['openid', 'offline_access', 'read']
    expect(await of({ scopes }, ['https://a.example'])).to.equal(`${gets} openid, read`)
    expect(await of({ scopes }, ['https://a.example', 'https://b.example'])).to.equal(
      `${gets} openid, read; those of an API only if it names the API`,
    )
    expect(await of({ scopes: ['offline_access'] })).to.match(/is refused: the object lists none$/)
    expect(await of({ type: 'M2M' })).to.equal(undefined)
  })

  it('does not say that anybody can have sent what only a person who had signed in can', async () => {
    const refusal = { by: 'Anyone', count: 1, lastSeen: '2026-01-01T11:58:00Z', hint: 'h' } as const
    const told = async (code: RefusalCode) => (await why(made({ refusals: [{ code, ...refusal }] }))).out
    expect(await told('PERSON_NOT_ALLOWED'))
      .to.include('; the person had signed in')
      .and.not.include('anybody')
    expect(await told('SECRET_WRONG')).to.include('anybody who knows the client id')
  })

  it('says what it could tell with more rights', async () => {
    const { code, out } = await why(made(), forbidden)
    expect(code).to.equal(0)
    expect(out).to.include('with the right to read Secrets here')
  })

  it('says when the operator has not looked yet, and when none has', async () => {
    expect((await why(made({ observedGeneration: 0 }))).out).to.include('has not looked at generation 1 yet')
    const { code, out } = await why(client())
    expect(code).to.equal(1)
    expect(out).to.include('no operator has looked at it')
  })

  it('tells each refusal with its meaning, what the request had, what the object has, and what to compare', async () => {
    const refusal = (code: RefusalCode, more: object = {}) => ({
      code,
      by: 'Anyone' as const,
      count: 3,
      lastSeen: '2026-01-01T11:58:00Z',
      hint: refusalKinds[code].hint,
      ...more,
    })
    const details = ['https://app.example.com/other', 'https://evil[.]example/']
    const { code, out } = await why(made({ refusals: [refusal('REDIRECT_URI_NOT_LISTED', { details })] }))
    expect(code).to.equal(1)
    expect(out).to.match(
      /\n {3}the request has {2}https:\/\/app\.example\.com\/other\n {3}another one has {2}https:\/\/evil\[\.\]example\/\n {3}the object has {3}https:\/\/app\.example\.com\/callback\n/,
    )
    expect(out).to.include('3 times in the last hour, the last one 2 min ago; not authenticated')
    for (const one of Object.keys(refusalKinds) as RefusalCode[]) {
      const told = (await why(made({ refusals: [refusal(one, { by: 'Client', count: 1 })] }))).out
      expect(told).to.include(`1. ${one}: `)
      expect(told).to.include('-> ')
      expect(told).to.include('once in the last hour, 2 min ago; its credential was correct\n   -> ')
    }
  })

  it('tells of an object that says nothing what holds by its type', async () => {
    const told = async (code: RefusalCode, spec: OIDCClient['spec']) => {
      const refusal = { code, by: 'Anyone', count: 1, lastSeen: '2026-01-01T11:58:00Z', hint: 'h' } as const
      const { out } = await why({ ...made({ refusals: [refusal] }), spec })
      return /the object has {3}(.+)/.exec(out)?.[1]
    }
    const redirectURIs = [
      'https://app.example.com/callback',
      'https://app.example.com/silent',
      'https://a.example.com/',
    ]
    expect(await told('ORIGIN_NOT_LISTED', { type: 'SPA', redirectURIs })).to.equal(
      'https://app.example.com, https://a.example.com',
    )
    expect(await told('ORIGIN_NOT_LISTED', { type: 'Web', redirectURIs })).to.equal('no origin, and the type Web')
    expect(await told('SCOPE_NOT_GRANTED', { type: 'Web', redirectURIs })).to.equal('openid, profile, email, groups')
  })

  it('gives the same for programs, as JSON', async () => {
    const { out } = await run(['why', 'app', '-o', 'json'], { clients: [made({ observedGeneration: 0 })] })
    const { out: yaml } = await run(['why', 'app', '-o', 'yaml'], { clients: [made()] })
    expect(yaml).to.match(/^client: demo\/app\nfindings: \[\]\n/)
    expect(JSON.parse(out)).to.deep.include({ notRead: [] }).and.have.nested.property('findings[0].severity', 'broken')
  })

  describe('without a name', () => {
    const sick = made({ conditions: [condition('Accepted', { status: 'False', reason: 'InvalidSpec' })] })
    const named = (one: OIDCClient, name: string): OIDCClient => ({ ...one, metadata: { ...one.metadata, name } })
    const all = (args: readonly string[], ...clients: OIDCClient[]) =>
      runPlugin(['why', ...args], {
        kubectl: (called) =>
          called[1] === 'secret'
            ? holding(secret)
            : kubectlGives({ items: clients.map((one) => ({ kind: 'OIDCClient', ...one })) }),
      })

    it('explains each client that does not work, says how many do, and exits with 1', async () => {
      const { code, out, calls } = await all(['-n', 'apps'], named(made(), 'well'), named(sick, 'sick'))
      expect(code).to.equal(1)
      expect(out).to.match(/^\S+\/sick: one thing is wrong\./)
      expect(out).to.not.include('/well')
      expect(out).to.match(/\n1 of 2 clients work\.\n$/)
      expect(calls[0]).to.not.include('--all-namespaces')
    })

    it('exits with 0 where all work, in all namespaces if asked', async () => {
      const { code, out, calls } = await all(['-A'], made(), made())
      expect({ code, out }).to.deep.equal({ code: 0, out: '2 of 2 clients work.\n' })
      expect(calls[0]).to.include('--all-namespaces')
      expect(JSON.parse((await all(['-o', 'json'], made(), sick)).out)).to.have.length(2)
    })
  })

  it('exits with 2 and says why when the client cannot be read', async () => {
    const { code, error } = await run(['why', 'app'], {})
    expect(code).to.equal(2)
    expect(error, 'without the log of kubectl').to.equal('Error from server (NotFound): oidcclients "app" not found\n')
  })
})

describe('kubectl nauthera why, of a client that lists its secrets', () => {
  it('names each with its end and its use, and compares no Secret', async () => {
    const seen = { acceptedByAll: true, firstSeen: '2026-01-01T00:00:00Z' }
    const one = made(
      {
        secret: {},
        verifiers: [
          { ...seen, id: 'aaaaaaaa', acceptedByAll: false },
          { ...seen, id: 'bbbbbbbb', notAfter: '2026-01-02T00:00:00Z', lastUsed: '2026-01-01T11:00:00Z' },
        ],
      },
      { secret: { verifiers: [{ sha256: 'a'.repeat(64) }] } },
    )
    const { out, calls } = await run(['why', 'app'], { clients: [one] })
    expect(out).to.match(
      /listed secrets +not every replica takes aaaaaaaa yet, not used; every replica takes bbbbbbbb, until 2026-01-02T00:00:00Z, last used 1 h ago/,
    )
    expect(calls.filter((call) => call.includes(' secret '))).to.deep.equal([])
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
    named('due', {
      secret: { ...wellStatus.secret!, nextRotation: '2026-01-02T12:00:00Z', lastUsed: '2026-01-01T08:00:00Z' },
    }),
    named('refused', {
      refusals: [{ code: 'SECRET_WRONG', by: 'Anyone', count: 7, lastSeen: '2026-01-01T11:00:00Z', hint: 'h' }],
    }),
  ]
  const names = async (...args: string[]) =>
    (JSON.parse((await run(['list', '-o', 'json', ...args], { clients })).out) as { name: string }[]).map(
      ({ name }) => name,
    )

  it('shows every client in a table, and with a filter only those that it asks for', async () => {
    const { code, out, calls } = await run(['list', '-A'], { clients })
    expect(code).to.equal(0)
    expect(calls).to.deep.equal(['get oidcclients.auth.nauthera.io --all-namespaces --output json'])
    expect(out).to.match(/NAMESPACE +NAME +READY +SERVERS +SECRET-AGE +NEXT-ROTATION +LAST-USE +REFUSED\n/)
    expect(out).to.match(/late +False \(ReplicasLagging\) +2\/2 +3h +- +- +-\n/)
    expect(out).to.match(/due +True +2\/2 +3h +in 24h +lately +-\n/)
    expect(out).to.match(/refused +True .*SECRET_WRONG x7\n/)
    expect(await names('--not-ready')).to.deep.equal(['late'])
    expect(await names('--refused')).to.deep.equal(['refused'])
    expect(await names('--expiring', '48h')).to.deep.equal(['due'])
    expect(await names('--expiring', '1d')).to.deep.equal(['due'])
    expect(await names('--expiring', '1h')).to.deep.equal([])
    expect((await run(['list', '-o', 'wide'], { clients })).out).to.match(/well +Web .*apps\.app .*https:\/\/login/)
    expect((await run(['list', '-o', 'yaml', '--refused'], { clients })).out).to.match(
      /^- namespace: demo\n {2}name: refused/,
    )
  })

  it('lists what was not used for so long, of the clients whose uses are counted', async () => {
    const old = { creationTimestamp: '2025-06-01T00:00:00Z' }
    const among = [
      { ...named('never', {}), old },
      named('young', {}),
      { ...named('lately', { secret: { ...wellStatus.secret!, lastUsed: '2025-12-20T00:00:00Z' } }), old },
      { ...named('long', { secret: { ...wellStatus.secret!, lastUsed: '2025-11-20T00:00:00Z' } }), old },
      { ...named('public', { secret: { name: 'public-oidc' } }), old },
      {
        ...made(
          { identity: { name: 'i', lastUsed: '2025-11-20T00:00:00Z' }, secret: { name: 's' } },
          {
            type: 'M2M',
            auth: { method: 'federated_jwt' },
          },
        ),
        old,
      },
    ].map(({ metadata, ...one }) => ({
      ...one,
      metadata: { ...metadata, creationTimestamp: '2026-01-01T00:00:00Z', ...('old' in one ? old : {}) },
    }))
    const { out } = await run(['list', '-o', 'json', '--unused', '30d'], { clients: among })
    expect((JSON.parse(out) as { name: string }[]).map(({ name }) => name)).to.deep.equal(['never', 'long', 'app'])
  })

  it('says how many there are when none is left, and what a time looks like', async () => {
    expect((await run(['list', '--expiring', '1h'], { clients })).error).to.equal('none of 4 clients\n')
    expect(await run(['list', '--expiring', 'soon'], { clients })).to.include({ code: 2 })
  })
})
