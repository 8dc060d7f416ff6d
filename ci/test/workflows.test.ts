import { readFileSync, readdirSync } from 'node:fs'
import { expect } from 'chai'
import { parse } from 'yaml'

// The workflows of a forge: they run what people run, with no more rights than they need, and tell nobody a secret.

interface Step {
  readonly uses?: string
  readonly run?: string
  readonly with?: Readonly<Record<string, unknown>>
  readonly env?: Readonly<Record<string, unknown>>
}

type Permissions = Readonly<Record<string, string>> | string

interface Job {
  readonly uses?: string
  readonly needs?: readonly string[]
  readonly permissions?: Permissions
  readonly 'timeout-minutes'?: number
  readonly env?: Readonly<Record<string, unknown>>
  readonly strategy?: { readonly matrix: { readonly include?: readonly Readonly<Record<string, string>>[] } }
  readonly steps?: readonly Step[]
}

interface Workflow {
  readonly on: Readonly<Record<string, unknown>>
  readonly permissions?: Permissions
  readonly env?: Readonly<Record<string, unknown>>
  readonly jobs: Readonly<Record<string, Job>>
}

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> }
const directory = '.github/workflows'
const workflows = readdirSync(directory).map((name) => ({ name, text: readFileSync(`${directory}/${name}`, 'utf8') }))
const textOf = (name: string) => workflows.find((workflow) => workflow.name === name)!.text

const stepsOf = ({ jobs }: Workflow): Step[] => Object.values(jobs).flatMap(({ steps }) => steps ?? [])
const entriesOf = ({ jobs }: Workflow) => Object.values(jobs).flatMap(({ strategy }) => strategy?.matrix.include ?? [])
/** What its shells run, each with the values of its matrix in place. */
function commandsOf(workflow: Workflow): string[] {
  const runs = Object.values(workflow.jobs).flatMap(({ steps = [], strategy }) => {
    const entries = strategy?.matrix.include ?? [{}]
    return entries.flatMap((entry: Readonly<Record<string, string>>) =>
      steps.map(({ run = '' }) =>
        run.replace(/\$\{\{ matrix\.(\w+) \}\}/g, (whole, key: string) => entry[key] ?? whole),
      ),
    )
  })
  return runs.flatMap((run) => run.split('\n')).filter((line) => line !== '')
}

/** @returns what is wrong with one workflow, in words */
function faultsOf(text: string): string[] {
  const workflow = parse(text) as Workflow
  const faults: string[] = []
  const isForEverybody = 'pull_request' in workflow.on

  for (const command of commandsOf(workflow)) {
    for (const [, script] of command.matchAll(/\bnpm (?:run )?(?:--silent )?(?!ci\b|--silent)([\w-]+)/g))
      if (!(script! in scripts)) faults.push(`npm run ${script} is not in package.json`)
    if (/\bset -\w*x/.test(command)) faults.push(`"${command}" prints every command, with what is in it`)
    for (const [, host] of command.matchAll(/\b(?:oci|docker):\/\/([^\s"]*)/g))
      if (!host!.startsWith('$')) faults.push(`${host} names a registry; it is a variable of the repository`)
  }

  for (const { run = '' } of stepsOf(workflow)) {
    for (const [expression] of run.matchAll(/\$\{\{.*?\}\}/g))
      if (!/^\$\{\{ matrix\.\w+ \}\}$/.test(expression))
        faults.push(`${expression} is pasted into a shell; pass it by env`)
  }

  for (const [, action, version, note] of text.matchAll(/uses: ([^@\s]+)(?:@(\S+))?(.*)$/gm)) {
    if (action!.startsWith('./')) continue
    if (!/^[0-9a-f]{40}$/.test(version ?? '') || !/^ # v\d+\.\d+\.\d+$/.test(note!))
      faults.push(`${action} is not pinned by a commit, with its version behind it`)
  }
  for (const step of stepsOf(workflow)) {
    if (step.uses?.startsWith('actions/checkout@') && step.with?.['persist-credentials'] !== false)
      faults.push('a checkout leaves its token where every later step can read it')
  }

  if ('pull_request_target' in workflow.on) faults.push('pull_request_target gives the code of a stranger our rights')
  if (workflow.permissions === undefined) faults.push('permissions: not set')
  for (const permissions of [workflow, ...Object.values(workflow.jobs)].map((part) => part.permissions ?? {})) {
    if (typeof permissions === 'string') faults.push(`permissions: ${permissions}; name each`)
    else if (isForEverybody && Object.values(permissions).includes('write'))
      faults.push('a workflow of pull requests may write')
  }
  for (const [name, job] of Object.entries(workflow.jobs)) {
    if (job.steps !== undefined && job['timeout-minutes'] === undefined) faults.push(`the job ${name} has no time-out`)
  }

  const isSecret = (value: unknown) => /\bsecrets\.|\bgithub\.token\b/i.test(JSON.stringify(value))
  if (isForEverybody && isSecret(workflow)) faults.push('a workflow of pull requests reads a secret')
  for (const part of [workflow, ...Object.values(workflow.jobs), ...stepsOf(workflow)]) {
    if (part.env !== undefined && isSecret(part.env)) faults.push('a secret is in the environment of a shell')
    if ('run' in part && isSecret(part.run)) faults.push('a secret is in a command')
    if ('uses' in part && isSecret(part) && !part.uses?.startsWith('docker/login-action@'))
      faults.push(`a secret is given to ${part.uses}`)
  }
  return faults
}

const pin = `actions/checkout@${'0'.repeat(40)} # v1.0.0`
const workflow = (step: string, rest = '') => `on: {push: {}}
permissions: {contents: read}
jobs:
  a:
    timeout-minutes: 5
    steps:
      - ${step}
${rest}`

const wrong: readonly [sentence: string, text: string, fault: RegExp][] = [
  ['a script that does not exist', workflow('run: npm run --silent chek'), /npm run chek is not in package.json/],
  ['a version instead of a commit', workflow('uses: actions/checkout@v7'), /actions\/checkout is not pinned/],
  ['a commit that does not say its version', workflow(`uses: actions/cache@${'0'.repeat(40)}`), /cache is not pinned/],
  ['a checkout that keeps its token', workflow(`uses: ${pin}`), /leaves its token/],
  ['a title of a pull request in a shell', workflow('run: echo ${{ github.event.pull_request.title }}'), /pasted/],
  ['a secret in a shell', workflow('run: echo ${{ secrets.KEY }}'), /a secret is in a command/],
  ['a secret in the environment', workflow('{run: env, env: {KEY: "${{ secrets.KEY }}"}}'), /in the environment/],
  [
    'a token in the environment of a job',
    workflow('run: env', '    env: {T: "${{ github.token }}"}'),
    /in the environ/,
  ],
  ['a secret for another action', workflow(`{uses: a/b@c, with: {k: "\${{ secrets.K }}"}}`), /is given to a\/b@c/],
  ['a shell that prints its commands', workflow('run: set -eux; env'), /prints every command/],
  [
    'a registry by its name',
    workflow('run: helm push a oci://registry.example.com/a'),
    /registry.example.com\/a names/,
  ],
  ['no permissions', 'on: {push: {}}\njobs: {}', /permissions: not set/],
  ['all permissions', 'on: {push: {}}\npermissions: write-all\njobs: {}', /permissions: write-all; name each/],
  ['a job without a time-out', 'on: {push: {}}\npermissions: {}\njobs: {a: {steps: []}}', /the job a has no time-out/],
  ['our rights for a stranger', 'on: {pull_request_target: {}}\npermissions: {}\njobs: {}', /code of a stranger/],
  ['a pull request that may write', 'on: {pull_request: {}}\npermissions: {packages: write}\njobs: {}', /may write/],
  [
    'a pull request that reads a secret',
    'on: {pull_request: {}}\npermissions: {}\njobs: {a: {uses: ./b, with: {k: "${{ secrets.K }}"}}}',
    /pull requests reads a secret/,
  ],
]

describe('the workflows', () => {
  for (const { name, text } of workflows) {
    it(`${name}: scripts exist, actions are pinned, permissions are named, no secret reaches a shell`, () =>
      expect(faultsOf(text)).to.deep.equal([]))
  }

  for (const [sentence, text, fault] of wrong) {
    it(`would be refused: ${sentence}`, () => expect(faultsOf(text).join('\n')).to.match(fault))
  }

  it('run each step of .ci/run for a pull request, with the same words', () => {
    const steps = [...readFileSync('.ci/run', 'utf8').matchAll(/^ *step (\w+) (npm .+)$/gm)]
    expect(steps.map(([, name]) => name)).to.deep.equal(['check', 'test', 'faults', 'e2e'])
    const parsed = workflows.map(({ text }) => parse(text) as Workflow).filter(({ on }) => 'pull_request' in on)
    const commands = parsed.flatMap(commandsOf).map((command) => command.replace('sudo env "PATH=$PATH" ', ''))
    // there the images are compared in a job of their own
    const ofSteps = steps.map(([, , command]) => command!.replace(' -- --check-images', ''))
    expect(commands).to.include.members([...ofSteps, 'npm run --silent images -- --check'])
  })

  it('install what the tests start by the one list that npm test has, so that none of them is skipped', () => {
    const { jobs } = parse(textOf('check.yaml')) as Workflow
    const commands = jobs['tests']!.steps!.flatMap(({ run }) => run ?? [])
    const install = 'sudo env "PATH=$PATH" node scripts/prepare.mjs --servers'
    expect(commands.indexOf(install)).to.be.within(0, commands.indexOf('${{ matrix.command }}') - 1)
    expect(commands.join('\n')).not.to.include('apt-get')
    const prepare = readFileSync('scripts/prepare.mjs', 'utf8')
    for (const name of ['redis-server', 'slapd', 'chromium', 'nginx', 'haproxy'])
      expect(prepare, name).to.match(new RegExp(`'${name}'`))
  })

  it('load the images into a cluster as docs/e2e.md says', () => {
    const page = readFileSync('docs/e2e.md', 'utf8')
    for (const { cluster, load } of entriesOf(parse(textOf('e2e.yaml')) as Workflow))
      expect(page).to.match(new RegExp(`^\\| ${cluster} \\| \`${load!.replace('sudo ', '')} < archives\``, 'm'))
  })

  it('publish nothing before every test is green', () => {
    const { on, jobs } = parse(textOf('release.yaml')) as Workflow
    expect(on).to.deep.equal({ push: { tags: ['v*'] } })
    expect(jobs['image']!.needs).to.have.members(['check', 'e2e'])
    expect(jobs['chart']!.needs).to.deep.equal(['image'])
    for (const name of ['check', 'e2e']) expect(jobs[name]!.uses).to.equal(`./.github/workflows/${name}.yaml`)
  })

  it('sign by the digest that was pushed, never by a tag that can move', () => {
    const { jobs } = parse(textOf('release.yaml')) as Workflow
    for (const name of ['image', 'chart']) {
      const steps = jobs[name]!.steps!
      const attested = steps.filter(({ uses }) => uses?.startsWith('actions/attest'))
      expect(attested.map((step) => step.with!['subject-digest'])).to.deep.equal(
        attested.map(() => '${{ steps.push.outputs.digest }}'),
      )
      expect(attested).to.have.length(name === 'image' ? 2 : 1)
      expect(steps.at(-1)!.run).to.match(/^cosign sign --yes "\$\w+(\/nauthera)?@\$DIGEST"$/)
      expect(steps.at(-1)!.env).to.deep.equal({ DIGEST: '${{ steps.push.outputs.digest }}' })
    }
  })
})
