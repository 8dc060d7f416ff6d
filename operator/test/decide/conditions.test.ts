import { expect } from 'chai'
import { clientDefinition } from '../../src/api/crds.ts'
import { checkValue } from '../../src/api/check.ts'
import { describeOutcome } from '../../src/decide/status/client-status.ts'
import { describeConditions } from '../../src/decide/status/conditions.ts'
import { shorten } from '../../src/decide/status/finding.ts'
import { client } from './clients.ts'
import { live, now, outcome, settled } from './outcomes.ts'
import type { OutcomeChange } from './outcomes.ts'

const conditionsOf = (change: OutcomeChange) =>
  Object.fromEntries(
    describeConditions(outcome(change)).map(({ type, status, reason, message }) => [type, { status, reason, message }]),
  )

describe('describeConditions', () => {
  const violation = (enforcement: 'Deny' | 'Warn' | 'Audit') => ({
    policy: 'p',
    enforcement,
    graceMs: 0,
    field: 'spec.par',
    message: 'must be true',
  })
  const ofSector = client(
    { subjectType: 'pairwise', sectorIdentifierURI: 'https://a.example.com/sector' },
    { generation: 4 },
  )
  const told = { type: 'SectorListed', status: 'False', reason: 'NotListed', message: 'does not list it' } as const
  const toldBefore = (observedGeneration: number) => ({
    ...ofSector,
    status: { conditions: [{ ...told, lastTransitionTime: '2026-01-01T00:00:00Z', observedGeneration }] },
  })
  const grafana = client({ secret: { presets: ['Grafana'] } }, { generation: 4 })
  const codesToldBefore = (status: 'True' | 'False', type = 'CodeProtected', observedGeneration = 1) => ({
    ...grafana,
    status: {
      conditions: [
        { type, status, reason: 'R', message: 'M', lastTransitionTime: '2026-01-01T00:00:00Z', observedGeneration },
      ],
    },
  })
  const whole = {
    protectedAt: 0,
    unprotectedAt: 0,
    wholeAt: 0,
    secretOnceAt: 0,
    secretTwiceAt: 0,
    leftOut: new Map<string, number>(),
  }
  const lacking = { ...whole, unprotectedAt: now }
  const vault = client({ scopes: ['openid', 'email'] })
  const asksMore = { ...whole, leftOut: new Map([['groups', now]]) }
  const leftOut = ['ScopesListed', 'False', 'LeftOut'] as const
  const listed = ['ScopesListed', 'True', 'Listed'] as const
  const lacked = ['CodeProtected', 'False', 'NeitherPKCENorNonce'] as const
  const table: readonly [
    sentence: string,
    change: OutcomeChange,
    type: string,
    status: string,
    reason: string,
    message: RegExp,
  ][] = [
    ['is ready when live everywhere', {}, 'Ready', 'True', 'Ready', /every replica/],
    [
      'says InvalidSpec with field and message',
      {
        acceptance: { kind: 'invalid', wanted: 'x', faults: [{ path: 'spec.par', message: 'must be true' }] },
        propagation: undefined,
      },
      'Accepted',
      'False',
      'InvalidSpec',
      /^spec\.par: must be true$/,
    ],
    [
      'K1 says ClientIDConflict and who has the id',
      { acceptance: { kind: 'conflict', wanted: 'shop', field: 'spec.clientId', holder: 'a/b', mayClaim: true } },
      'Accepted',
      'False',
      'ClientIDConflict',
      /^spec\.clientId: is taken by a\/b/,
    ],
    [
      'K18 tells nobody who has an id that they may not have',
      { acceptance: { kind: 'conflict', wanted: 'shop', field: 'spec.clientId', holder: 'a/b', mayClaim: false } },
      'Accepted',
      'False',
      'ClientIDConflict',
      /^spec\.clientId: is not free, and no policy allows this client an id of its choice \(customClientId\); leave it out$/,
    ],
    [
      'tells of cluster move where another cluster has the id',
      {
        acceptance: {
          kind: 'conflict',
          wanted: 'shop',
          field: 'spec.clientId',
          holder: 'a/b',
          mayClaim: true,
          move: 'possible',
        },
      },
      'Accepted',
      'False',
      'ClientIDConflict',
      /is taken by a\/b; .* run kubectl nauthera cluster move in the hub$/,
    ],
    ['F22 says that a version does not fit', { noRoom: 'shard' }, 'Accepted', 'False', 'TooLarge', /does not fit/],
    [
      'K19 says that the room of its namespace is used up, and what to do',
      { noRoom: 'namespace' },
      'Accepted',
      'False',
      'TooLarge',
      /this namespace may have .* limits\.bytesPerShard/,
    ],
    [
      'says PolicyViolation with the policy',
      { violations: [violation('Deny')] },
      'PolicyCompliant',
      'False',
      'PolicyViolation',
      /spec\.par: must be true \(policy p\)/,
    ],
    [
      'does not say that policies are met by what they cannot judge',
      { acceptance: { kind: 'invalid', wanted: 'demo.app', faults: [] }, isJudged: false },
      'PolicyCompliant',
      'Unknown',
      'NotJudged',
      /see Accepted/,
    ],
    [
      'names the end of the grace while it lasts',
      { violations: [violation('Deny')], serve: { kind: 'carry', until: Date.UTC(2026, 0, 2) } },
      'PolicyCompliant',
      'False',
      'PolicyViolation',
      /; what was accepted before is served until 2026-01-02T00:00:00Z$/,
    ],
    [
      'says of a client that a policy refuses from its beginning that nothing of it is served',
      {
        violations: [violation('Deny')],
        serve: { kind: 'carry', until: Date.UTC(2026, 0, 2) },
        activity: { kind: 'not-served', behind: [] },
      },
      'PolicyCompliant',
      'False',
      'PolicyViolation',
      /\(policy p\); nothing of it is served until every policy is met$/,
    ],
    [
      'says that nothing is served when the grace is over',
      { violations: [violation('Deny')], serve: { kind: 'nothing' } },
      'PolicyCompliant',
      'False',
      'PolicyViolation',
      /; the grace is over: nothing of it is served$/,
    ],
    [
      'says of the Secret that nothing serves it when the grace is over',
      { violations: [violation('Deny')], serve: { kind: 'nothing' } },
      'SecretReady',
      'False',
      'NotServed',
      /no server takes what Secret app-oidc holds/,
    ],
    [
      'says that a client is suspended',
      { activity: { kind: 'suspended', behind: [] } },
      'Active',
      'False',
      'Suspended',
      /remove it/,
    ],
    [
      'does not say that a stop is obeyed while a replica may still serve the client',
      { activity: { kind: 'suspended', behind: ['server-b'] } },
      'Active',
      'Unknown',
      'ReplicasLagging',
      /server-b/,
    ],
    [
      'says that the version which is served is suspended, whatever the spec says now',
      { activity: { kind: 'suspended-before', behind: [] } },
      'Active',
      'False',
      'Suspended',
      /the version that is served/,
    ],
    [
      'does not call a client active that no server has',
      { activity: { kind: 'not-served', behind: [] } },
      'Active',
      'False',
      'NotServed',
      /no server has it/,
    ],
    [
      'a suspended client is Ready, and says what that means',
      { activity: { kind: 'suspended', behind: [] } },
      'Ready',
      'True',
      'Ready',
      /nobody can use it/,
    ],
    [
      'says that nobody has read the document of a sector yet',
      { client: ofSector },
      'SectorListed',
      'Unknown',
      'NotRead',
      /reads the document/,
    ],
    [
      'says that the document of a sector lists the client',
      { client: ofSector, sector: { generation: 4, fault: '' } },
      'SectorListed',
      'True',
      'Listed',
      /lists the client/,
    ],
    [
      'says what the document of a sector lacks',
      { client: ofSector, sector: { generation: 4, fault: 'does not list https://b.example.com/' } },
      'SectorListed',
      'False',
      'NotListed',
      /^does not list https:\/\/b/,
    ],
    [
      'a document that lacks a client does not take Ready away',
      { client: ofSector, sector: { generation: 4, fault: 'does not list it' } },
      'Ready',
      'True',
      'Ready',
      /./,
    ],
    [
      'says nothing of this version by what was found of another one',
      { client: ofSector, sector: { generation: 3, fault: 'does not list it' } },
      'SectorListed',
      'Unknown',
      'NotRead',
      /reads the document/,
    ],
    [
      'keeps what a replica of before found of this version',
      { client: toldBefore(4) },
      'SectorListed',
      'False',
      'NotListed',
      /does not list it/,
    ],
    [
      'keeps nothing of another version',
      { client: toldBefore(3) },
      'SectorListed',
      'Unknown',
      'NotRead',
      /reads the document/,
    ],
    [
      'says that a code had neither, and which file tells what to do',
      { codes: lacking },
      ...lacked,
      /docs\/integrations/,
    ],
    ['names the option of a program that it knows', { client: grafana, codes: lacking }, ...lacked, /USE_PKCE=true/],
    ['a code without protection does not take Ready away', { codes: lacking }, 'Ready', 'True', 'Ready', /./],
    ['keeps that a code had neither when its replica is gone', { client: codesToldBefore('False') }, ...lacked, /./],
    [
      'says that a program was mended, also when the replica that saw the fault is gone',
      { client: codesToldBefore('False'), codes: { ...whole, protectedAt: now + 7_200_000 } },
      'CodeProtected',
      'True',
      'Protected',
      /PKCE or a nonce/,
    ],
    [
      'says that a secret came in two places, and how to refuse that',
      { codes: { ...whole, secretTwiceAt: now } },
      'SecretShownOnce',
      'False',
      'HeaderAndBody',
      /^sign-in works, but .* choose one of the two in the program/,
    ],
    [
      'a secret in two places does not take Ready away',
      { codes: { ...whole, secretTwiceAt: now } },
      'Ready',
      'True',
      'Ready',
      /./,
    ],
    [
      'says that it comes in one place again',
      { client: codesToldBefore('False', 'SecretShownOnce'), codes: { ...whole, secretOnceAt: now + 7_200_000 } },
      'SecretShownOnce',
      'True',
      'Once',
      /in one place/,
    ],
    ['keeps that it was mended', { client: codesToldBefore('True') }, 'CodeProtected', 'True', 'Protected', /./],
    [
      'names the scope that the program asks for and the object leaves out, and what to do',
      { client: vault, codes: asksMore },
      ...leftOut,
      /^sign-in works, but this client asks for groups, which spec\.scopes does not list, so it is left out: add it, or turn the option of the program off$/,
    ],
    [
      'names several scopes that are left out',
      {
        client: vault,
        codes: {
          ...whole,
          leftOut: new Map([
            ['groups', now],
            ['phone', now],
          ]),
        },
      },
      ...leftOut,
      /groups, phone.*they are left out: add them/,
    ],
    [
      'a scope that is left out does not take Ready away',
      { client: vault, codes: asksMore },
      'Ready',
      'True',
      'Ready',
      /./,
    ],
    [
      'says at once that the object lists the scope now',
      { client: client({ scopes: ['openid', 'groups'] }), codes: asksMore },
      ...listed,
      /every scope/,
    ],
    [
      'says that the program does not ask for it any more, two hours after it did',
      { client: vault, codes: { ...asksMore, wholeAt: now + 7_200_000 } },
      ...listed,
      /every scope/,
    ],
    [
      'keeps which scope was left out when its replica is gone',
      { client: codesToldBefore('False', 'ScopesListed', 4) },
      'ScopesListed',
      'False',
      'R',
      /^M$/,
    ],
    [
      'takes a scope as listed when another replica saw whole codes for two hours',
      {
        client: codesToldBefore('False', 'ScopesListed', 4),
        codes: { ...whole, wholeAt: Date.UTC(2026, 0, 1, 2) },
      },
      ...listed,
      /./,
    ],
    [
      'names a preset whose program takes no issuer by http',
      {
        client: client({ secret: { presets: ['Env', 'KubeAPIServer'] } }, { generation: 4 }),
        issuer: 'http://localhost:8080',
      },
      'SecretReady',
      'True',
      'SecretReady',
      /preset KubeAPIServer takes no issuer by http, as http:\/\/localhost:8080 is$/,
    ],
    [
      'has nothing to say of it where the issuer has https',
      { client: client({ secret: { presets: ['KubeAPIServer'] } }, { generation: 4 }) },
      'SecretReady',
      'True',
      'SecretReady',
      /is current$/,
    ],
    ['says Active of any other', {}, 'Active', 'True', 'Active', /not suspended/],
    [
      'says what a second rotation waits for',
      { rotation: { ...settled, health: { ok: true, waits: 'the next rotation waits until secret aaaaaaaa ends' } } },
      'RotationHealthy',
      'True',
      'Waiting',
      /^the next rotation waits/,
    ],
    [
      'says who may still accept a secret that has ended',
      { rotation: settled, ending: [{ id: 'aaaaaaaa' }], endingAt: ['server-b'] },
      'RotationHealthy',
      'True',
      'Retiring',
      /^ended: aaaaaaaa; these replicas may still accept it: server-b$/,
    ],
    [
      'says so of one that nobody answered for',
      { rotation: settled, ending: [{ id: 'aaaaaaaa' }] },
      'RotationHealthy',
      'True',
      'Retiring',
      /not every replica has said that it refuses it$/,
    ],
    [
      'says NotGranted with the API and the cure',
      {
        access: [
          { kind: 'refused', identifier: 'https://a.example.com', api: 'shop/a', why: { kind: 'no-entry' } } as const,
        ],
      },
      'AudiencesGranted',
      'False',
      'NotGranted',
      /^spec\.audiences: https:\/\/a\.example\.com does not let this client in; OIDCClient shop\/a needs an entry/,
    ],
    [
      'is not ready while an audience is not granted',
      { access: [{ kind: 'refused', identifier: 'urn:api:a', api: undefined, why: { kind: 'undeclared' } } as const] },
      'Ready',
      'False',
      'NotGranted',
      /^AudiencesGranted: /,
    ],
    ['asks for no API', {}, 'AudiencesGranted', 'True', 'NoAudiences', /no API/],
    [
      'does not say what is granted to a version that is refused',
      { violations: [violation('Deny')] },
      'AudiencesGranted',
      'Unknown',
      'NotRendered',
      /refused/,
    ],
    ['warns without refusing', { violations: [violation('Warn')] }, 'PolicyCompliant', 'True', 'Warning', /spec\.par/],
    [
      'says nothing of an audit',
      { violations: [violation('Audit')] },
      'PolicyCompliant',
      'True',
      'Compliant',
      /every policy/,
    ],
    [
      'says WaitingForSecret',
      { secret: { kind: 'waiting-for-secret', name: 'n', message: 'Secret mine is not there' } },
      'SecretReady',
      'False',
      'WaitingForSecret',
      /mine/,
    ],
    [
      'K2 says NameTaken',
      { secret: { kind: 'name-taken', name: 'n', holder: { kind: 'stranger' } } },
      'SecretReady',
      'False',
      'NameTaken',
      /left as it is; if a program uses it, set another spec\.secret\.name, else delete it$/,
    ],
    [
      'K2 tells nobody to delete a Secret of this release',
      { secret: { kind: 'name-taken', name: 'nauthera-keys', holder: { kind: 'release' } } },
      'SecretReady',
      'False',
      'NameTaken',
      /^Secret nauthera-keys is one that Nauthera itself needs; choose another spec\.secret\.name$/,
    ],
    [
      "K2 tells nobody to delete another client's Secret",
      { secret: { kind: 'name-taken', name: 'n', holder: { kind: 'client', key: 'demo/other' } } },
      'SecretReady',
      'False',
      'NameTaken',
      /^Secret n is that of OIDCClient demo\/other; choose another spec\.secret\.name$/,
    ],
    [
      'K15 says TemplateInvalid',
      { secret: { kind: 'template-invalid', name: 'n', faults: [{ path: 'spec.secret.data.a', message: 'x' }] } },
      'SecretReady',
      'False',
      'TemplateInvalid',
      /^spec\.secret\.data\.a: x/,
    ],
    [
      'K5 says Unknown when the Secret cannot be read',
      { secret: { kind: 'unreadable', name: 'n', message: '403' } },
      'SecretReady',
      'Unknown',
      'SecretUnreadable',
      /403/,
    ],
    [
      'P7 says ReplicasLagging',
      { propagation: { ...live, loaded: 2, lagging: ['pod-2'], applied: false, accepted: false } },
      'Propagated',
      'False',
      'ReplicasLagging',
      /2\/3 replicas; waiting for pod-2/,
    ],
    [
      'F39 says StatusUnreachable: silence is never live',
      { propagation: { ...live, loaded: 2, unreachable: ['pod-2'], applied: false, accepted: false } },
      'Propagated',
      'Unknown',
      'StatusUnreachable',
      /pod-2/,
    ],
    [
      'names the replicas that lack it beside those that do not answer',
      {
        propagation: {
          ...live,
          loaded: 1,
          unreachable: ['pod-2'],
          lagging: ['pod-3'],
          applied: false,
          accepted: false,
        },
      },
      'Propagated',
      'Unknown',
      'StatusUnreachable',
      /^no answer from pod-2: .*; see their pods; waiting for pod-3$/,
    ],
    [
      'P7 says RejectedByServer with field and reason',
      {
        propagation: {
          ...live,
          loaded: 2,
          accepted: false,
          rejected: [
            { replica: 'pod-2', field: 'spec.auth.jwks', code: 'CLIENT_METADATA_INVALID', message: 'not a JWK set' },
          ],
        },
      },
      'Propagated',
      'False',
      'RejectedByServer',
      /^spec\.auth\.jwks: not a JWK set \(CLIENT_METADATA_INVALID\), refused by pod-2$/,
    ],
    [
      'P7 says which replicas refuse for which reason',
      {
        propagation: {
          ...live,
          loaded: 0,
          accepted: false,
          rejected: [
            { replica: 'pod-1', field: 'spec.scopes', code: 'CLIENT_METADATA_INVALID', message: 'no' },
            { replica: 'pod-2', field: 'spec.auth.jwks', code: 'CLIENT_METADATA_INVALID', message: 'x'.repeat(2000) },
            { replica: 'pod-3', field: 'spec.scopes', code: 'CLIENT_METADATA_INVALID', message: 'no' },
          ],
        },
      },
      'Propagated',
      'False',
      'RejectedByServer',
      /^spec\.scopes: no \(CLIENT_METADATA_INVALID\), refused by pod-1, pod-3; spec\.auth\.jwks: x+\.\.\. \(CLIENT_METADATA_INVALID\), refused by pod-2$/,
    ],
    [
      'P7 says that every replica refuses',
      {
        propagation: {
          ...live,
          loaded: 0,
          accepted: false,
          rejected: ['pod-1', 'pod-2', 'pod-3'].map((replica) => ({
            replica,
            field: 'spec.scopes',
            code: 'CLIENT_METADATA_INVALID',
            message: 'no',
          })),
        },
      },
      'Propagated',
      'False',
      'RejectedByServer',
      /, refused by every replica$/,
    ],
    [
      'P7 is not live without a replica',
      { propagation: { ...live, loaded: 0, total: 0 } },
      'Propagated',
      'False',
      'ReplicasLagging',
      /no replica/,
    ],
    [
      'is not live before it is written',
      { propagation: undefined },
      'Propagated',
      'False',
      'ReplicasLagging',
      /not written/,
    ],
    [
      'says why a rotation does not go on',
      { rotation: { ...settled, health: { ok: false, reason: 'ReplicasLagging', message: 'm' } } },
      'RotationHealthy',
      'False',
      'ReplicasLagging',
      /m/,
    ],
    [
      'a lagging rotation does not take Ready away',
      { rotation: { ...settled, health: { ok: false, reason: 'ReplicasLagging', message: 'm' } } },
      'Ready',
      'True',
      'Ready',
      /./,
    ],
    [
      'Ready names the first thing that is missing',
      { violations: [violation('Deny')], propagation: undefined },
      'Ready',
      'False',
      'PolicyViolation',
      /^PolicyCompliant: spec\.par/,
    ],
    [
      'P7 Ready names the replicas that the Secret waits for',
      {
        secret: { kind: 'pending', name: 'n' },
        propagation: { ...live, loaded: 1, lagging: ['pod-1'], applied: false, accepted: false },
      },
      'Ready',
      'False',
      'ReplicasLagging',
      /^Propagated: live on 1\/3/,
    ],
    [
      'says that a lost Secret is not there, and what becomes of it',
      { secret: { kind: 'lost', name: 'n' } },
      'Ready',
      'False',
      'SecretLost',
      /^SecretReady: .* gets a new secret/,
    ],
    [
      'says what a restoration waits for',
      { rotation: { ...settled, step: { kind: 'blocked', why: 'no-room' }, isLost: true } },
      'SecretReady',
      'False',
      'SecretLost',
      /oldest/,
    ],
    [
      'names a previous secret that is still used, and stays Ready',
      {
        rotation: {
          ...settled,
          health: {
            ok: false,
            reason: 'PreviousSecretStillUsed',
            message: 'the previous secret bbbbbbbb is still used',
          },
        },
      },
      'Ready',
      'True',
      'Ready',
      /bbbbbbbb is still used/,
    ],
  ]
  for (const [sentence, change, type, status, reason, message] of table) {
    it(sentence, () => {
      const condition = conditionsOf(change)[type]!
      expect(condition).to.include({ status, reason })
      expect(condition.message).to.match(message)
    })
  }

  it('says nothing of sectors where a client names none', () => {
    expect(conditionsOf({ sector: { generation: 4, fault: 'x' } })).to.not.have.property('SectorListed')
  })

  it('says nothing of codes that were never without protection, nor where PKCE is required', () => {
    for (const change of [
      {},
      { codes: { ...whole, protectedAt: now, wholeAt: now } },
      { client: client({ pkce: 'Required' }), codes: lacking },
    ])
      expect(conditionsOf(change)).to.not.have.property('CodeProtected')
  })

  it('says nothing of a secret that never came in two places', () => {
    for (const change of [{}, { codes: { ...whole, secretOnceAt: now } }])
      expect(conditionsOf(change)).to.not.have.property('SecretShownOnce')
  })

  it('says nothing of scopes of which none was left out, nor of what another version left out when nobody has seen it', () => {
    for (const change of [
      { codes: { ...whole, wholeAt: now } },
      { client: codesToldBefore('False', 'ScopesListed', 3) },
      {},
    ])
      expect(conditionsOf(change)).to.not.have.property('ScopesListed')
  })

  it('cuts a message that has more characters than it may have, and no other', () => {
    expect([shorten('12345', 5), shorten('123456', 5)]).to.deep.equal(['12345', '12...'])
  })

  it('fits the CRD, whatever happened', () => {
    const schema = clientDefinition.spec.versions[0]!.schema.openAPIV3Schema.properties!['status']!
    const long = 'x'.repeat(10_000)
    for (const change of [
      ...table.map((row) => row[1]),
      { acceptance: { kind: 'invalid', wanted: 'x', faults: [{ path: 'spec', message: long }] } } as OutcomeChange,
    ]) {
      expect(checkValue(schema, describeOutcome(outcome(change)).status)).to.deep.equal([])
    }
  })

  it('moves lastTransitionTime only with the status', () => {
    const before = describeOutcome(outcome()).status
    const later = (change: OutcomeChange) =>
      describeOutcome(
        outcome({ client: { ...client(), status: before }, now: now + 60_000, ...change }),
      ).status.conditions!.find(({ type }) => type === 'Ready')!
    expect(later({}).lastTransitionTime).to.equal('2026-01-01T00:00:00Z')
    expect(later({ propagation: undefined }).lastTransitionTime).to.equal('2026-01-01T00:01:00Z')
  })
})
