import { execFile } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect } from 'chai'

const root = fileURLToPath(new URL('../..', import.meta.url))

describe('npm test -- --grep', () => {
  it('finds a test by its title among all files of the suite', async () => {
    // a suite of fewer files than that of npm test: all of them are loaded for it
    const title = 'would see a replica that lags for longer than a key is published'
    const command = ['scripts/test.ts', '--suite', 'faults', '--grep', title]
    const { stdout } = await promisify(execFile)(process.execPath, command, { cwd: root })
    expect(stdout.trim().split('\n').at(-1)).to.equal('1 passed, 0 failed')
  })
})

describe('npm test -- --near', () => {
  const run = (...args: string[]) => promisify(execFile)(process.execPath, ['scripts/test.ts', ...args], { cwd: root })

  it('runs the tests of a file, and names them', async () => {
    // with ./, since a test that has the path of a file between quotes is one of its tests
    const { stdout } = await run('--near', './runtime/src/bounded-map.ts')
    expect(stdout).to.match(/^tests of runtime\/src\/bounded-map\.ts:\n {2}runtime\/test\/bounded-map\.test\.ts\n/)
    expect(stdout.trim()).to.match(/[1-9]\d* passed, 0 failed$/)
  })

  for (const [path, fault] of [
    ['./LICENSE', 'no test has its name, ci/test/tested-elsewhere.ts has none for it, and none imports it'],
    ['server/src/gone.ts', 'there is no such file'],
  ] as const) {
    it(`refuses ${path}: ${fault}`, async () => {
      const failed: unknown = await run('--near', path).catch((error: unknown) => error)
      expect(failed).to.include({ code: 2 }).and.to.have.property('stderr').that.includes(`--near ${path}: ${fault}\n`)
    })
  }
})

describe('npm test: the seed of the properties', () => {
  const run = (env: NodeJS.ProcessEnv) =>
    promisify(execFile)(process.execPath, ['scripts/test.ts', '.nauthera/seed.test.ts'], {
      cwd: root,
      env: { ...process.env, PROPERTY_SEED: undefined, ...env },
    })
  const casesOf = ({ stdout }: { stdout: string }) => /cases: (\S+)/.exec(stdout)?.[1]

  before(async () => {
    await mkdir(join(root, '.nauthera'), { recursive: true })
    await writeFile(
      join(root, '.nauthera/seed.test.ts'),
      `import fc from 'fast-check'
       it('generates', () => { console.log('cases: ' + fc.sample(fc.nat(), 5).join(',')) })`,
    )
  })
  after(() => rm(join(root, '.nauthera/seed.test.ts')))

  it('is that of the commit, so that what passed here passes elsewhere', async () => {
    const [first, second, other] = [await run({}), await run({}), await run({ PROPERTY_SEED: '1' })]
    expect(casesOf(first)).to.be.a('string').and.equal(casesOf(second))
    expect(casesOf(other)).to.be.a('string').and.not.equal(casesOf(first))
    expect(other.stdout).to.include('from seed 1; PROPERTY_SEED=1 repeats them.\n')
  })

  it('is a number', async () => {
    const failed: unknown = await run({ PROPERTY_SEED: 'today' }).catch((error: unknown) => error)
    expect(failed).to.include({ code: 2 }).and.to.have.property('stderr').that.includes('PROPERTY_SEED=today: must be')
  })
})
