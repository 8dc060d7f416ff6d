// What is added to a copy of the tree, by the files that CONTRIBUTING.md names for it and by no other. No two of them change one file.
import type { Insertion } from './tree-copy.ts'

interface HuntedAddition {
  /** How the row of CONTRIBUTING.md begins. */
  readonly row: string
  /** So many files are changed by hand at most; rows of tests come on top. */
  readonly goal: number
  /** In the order of the row. */
  readonly files: Readonly<Record<string, readonly Insertion[]>>
  readonly tests: Readonly<Record<string, readonly Insertion[]>>
}

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
]
