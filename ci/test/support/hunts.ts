// What is added to a copy of the tree, by the files that CONTRIBUTING.md names for it and by no other. No two of them change one file.
import { languagesIn } from '@nauthera/server/http/branding/languages'
import type { Insertion } from './tree-copy.ts'

interface HuntedAddition {
  /** How the row of CONTRIBUTING.md begins. */
  readonly row: string
  /** So many files are changed by hand at most; rows of tests come on top. */
  readonly goal: number
  /** In the order of the row. */
  readonly files: Readonly<Record<string, readonly Insertion[]>>
  /** In the next column of the row: new files and their text. */
  readonly added?: Readonly<Record<string, string>>
  readonly tests: Readonly<Record<string, readonly Insertion[]>>
  /** Tests that need no row. */
  readonly seenBy?: readonly string[]
}

const imprint: Insertion = [
  '  "home.page-title"',
  `  "imprint.title": "Imprint",
  "imprint.text": "Who runs this service.",
`,
]

export const hunts: readonly HuntedAddition[] = [
  {
    row: 'an event of the audit log',
    goal: 2,
    files: {
      'server/src/store/audit/audit-event.ts': [
        ["  'factor.failure': {", "  'factor.unnamed': { when: 'a second factor lost its name' },\n"],
      ],
      'server/src/users/factors/factor-name.ts': [
        ['import { describeAgent }', "import type { Audit } from '../../store/audit/audit.ts'\n"],
        [
          '/** A passkey that its person',
          `export const recordUnnamed = (audit: Pick<Audit, 'record'>): void =>
  void audit.record({ event: 'factor.unnamed', outcome: 'success' })

`,
        ],
      ],
    },
    tests: {
      'server/test/users/factors/factor-name.test.ts': [
        [
          'const chrome =',
          `import { recordUnnamed } from '../../../src/users/factors/factor-name.ts'
it('records a factor that lost its name', () => {
  const told: string[] = []
  recordUnnamed({ record: ({ event }) => void told.push(event) })
  expect(told).to.deep.equal(['factor.unnamed'])
})
`,
        ],
      ],
    },
  },
  {
    row: 'an error code',
    goal: 2,
    files: {
      'server/src/errors.ts': [
        [
          '  STORE_UNAVAILABLE: {',
          `  AGENT_UNKNOWN: {
    meaning: 'A browser says nothing of itself.',
    remedy: 'Take another browser.',
  },
`,
        ],
      ],
      'server/src/describe-agent.ts': [
        ['import { isIP }', "import { CodedError } from '@nauthera/runtime/coded-error'\n"],
        [
          'export interface DescribedAgent',
          `export function checkAgent(agent: string): void {
  if (agent === '') throw new CodedError('AGENT_UNKNOWN')
}

`,
        ],
      ],
    },
    tests: {
      'server/test/describe-agent.test.ts': [
        [
          'const mozilla =',
          `import { checkAgent } from '../src/describe-agent.ts'
it('needs an agent', () => expect(() => checkAgent('')).to.throw().with.property('code', 'AGENT_UNKNOWN'))
`,
        ],
      ],
    },
  },
  {
    row: 'a metric',
    goal: 2,
    files: {
      'server/src/metrics.ts': [
        [
          '  directorySeconds: ',
          "  fullMinutes: defineCounter('nauthera_server_full_minutes_total', 'Minutes in which a limit was reached.'),\n",
        ],
      ],
      'server/src/minute-counts.ts': [
        [
          'import { addNewest }',
          `import type { Metrics } from '@nauthera/runtime/metrics'
import { serverMetrics } from './metrics.ts'
`,
        ],
        [
          'export interface MinuteCounts',
          'export const countFullMinutes = (metrics: Metrics) => metrics.counter(serverMetrics.fullMinutes)\n\n',
        ],
      ],
    },
    tests: {
      'server/test/minute-counts.test.ts': [
        [
          "describe('createMinuteCounts'",
          `import { createMetrics } from '@nauthera/runtime/metrics'
import { countFullMinutes } from '../src/minute-counts.ts'
it('counts minutes that are full', async () => {
  const metrics = createMetrics('test')
  countFullMinutes(metrics).inc()
  expect(await metrics.render()).to.match(/^nauthera_server_full_minutes_total\\{.*\\} 1$/m)
})
`,
        ],
      ],
    },
  },
  {
    row: 'a setting',
    goal: 3,
    files: {
      'server/src/settings.ts': [
        [
          '    allowUntrustedProxy: z',
          `    leastFactors: z.number().int().min(0).default(0).describe('So many second factors a person must have.'),
`,
        ],
      ],
      'server/src/users/factors/policy.ts': [
        [
          'export interface SecondFactorPolicy',
          `export const hasLeast = ({ leastFactors }: { readonly leastFactors: number }, has: number): boolean =>
  has >= leastFactors

`,
        ],
      ],
    },
    tests: {
      'server/test/settings.test.ts': [
        [
          'const load =',
          `import { hasLeast } from '../src/users/factors/policy.ts'
it('say how many factors a person must have', () => {
  expect(hasLeast(load(good), 0)).to.equal(true)
  expect(hasLeast(load({ ...good, leastFactors: 2 }), 1)).to.equal(false)
})
`,
        ],
      ],
    },
  },
  {
    row: 'a page',
    goal: 4,
    files: {
      'server/src/reply/general-pages.ts': [
        ['  /** The end of a sign-out, also', '  imprint: { readonly issuer: string }\n'],
      ],
      'server/locales/en.json': [imprint],
      'server/src/http/pages/home.ts': [
        [
          "  return basePath === ''",
          `  const imprint: Route = {
    method: 'GET',
    path: '/imprint',
    handle: async () => ({ kind: 'page', view: 'imprint', model: { issuer } }),
  }
`,
        ],
        ["] : [route('')", ', imprint'],
      ],
      ...Object.fromEntries(
        languagesIn('server/locales')
          .filter((tag) => tag !== 'en')
          .map((tag) => [`server/locales/${tag}.json`, [imprint]] as const),
      ),
    },
    added: {
      'server/views/imprint.eta': `<% const { model, text } = it
   layout('@layout', { title: text('imprint.title') }) %>
<h1><%= text('imprint.title') %></h1>
<p><%= text('imprint.text') %> <%~ it.bdi(model.issuer) %></p>
<div class="actions"><a class="button" id="account" href="<%= model.issuer %>/account"><%= text('home.account') %></a></div>
`,
    },
    tests: {
      'server/test/http/sample-pages.ts': [
        [
          '  home: {',
          "  imprint: { kind: 'page', view: 'imprint', model: { issuer: 'https://login.example.com' } },\n",
        ],
      ],
      'server/test/http/pages/route-table.test.ts': [
        [
          'describe(',
          `import { createHomeRoutes } from '../../../src/http/pages/home.ts'
it('lead to the imprint', () => {
  const paths = createHomeRoutes('', 'https://login.example.com').map(({ path }) => path)
  expect(paths).to.deep.equal(['/', '/imprint'])
})
`,
        ],
      ],
    },
    seenBy: ['server/test/http/locales.test.ts', 'server/test/http/pages/pages.test.ts'],
  },
]
