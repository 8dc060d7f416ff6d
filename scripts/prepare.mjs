// What comes before every npm command: installs what is missing and says so. Plain JavaScript without dependencies, for any
// Node >= 20: on a fresh clone nothing else is there yet. Writes to standard error only; standard output belongs to the command.
//   --servers   the server programs of the tests too
//   --images    the programs that build images too
import { spawn, spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
/** What npm says when it reaches no registry. */
const unreachable = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOTCACHED|network timeout/
const neededNode = 24
const endSignals = ['SIGINT', 'SIGTERM', 'SIGHUP']

/** Programs that tests run, any of `programs` will do. `optional`: a test without it says why it could not run. */
const servers = [
  { programs: ['valkey-server', 'redis-server'], debian: 'redis-server', use: 'tests of the cache' },
  { programs: ['slapd'], debian: 'slapd', use: 'tests of people from a directory' },
  { programs: ['chromium', 'google-chrome', 'chrome'], debian: 'chromium', use: 'the browser test', optional: true },
  ...['nginx', 'haproxy'].map((name) => ({
    programs: [name],
    debian: name,
    use: `the test of certificates behind ${name}`,
    optional: true,
  })),
]
const imageBuilders = ['buildah', 'crun'].map((name) => ({ programs: [name], debian: name, use: 'building images' }))

const say = (text) => process.stderr.write(`${text}\n`)
const fail = (text) => {
  say(text)
  process.exit(1)
}

checkRunner()
await installPackages()
checkNode()
if (process.argv.includes('--servers')) await installPrograms(servers)
if (process.argv.includes('--images')) await installPrograms(imageBuilders)

function checkRunner() {
  if (Number(process.versions.node.split('.')[0]) >= 20) return
  fail(
    `Node ${process.versions.node} is too old: install Node 20 or newer (https://nodejs.org), then run this command again.`,
  )
}

/** Runs `npm ci` when it never ran or did not finish (npm writes that file last), or the lock file is newer than its result. */
async function installPackages() {
  const mark = join(root, 'node_modules/.package-lock.json')
  const fresh = existsSync(mark) && statSync(mark).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs
  if (fresh) return
  const npm = process.env.npm_execpath
  if (npm === undefined) fail('Run this through npm: npm run dev, npm test, ...')
  // npm ci removes node_modules, so it must not run on the Node that lives in there
  const node = process.env.npm_node_execpath ?? process.execPath
  // npm waits 10 s and 60 s between tries: too long when there is no network
  const waits = ['--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=5000']
  const args = [npm, 'ci', '--loglevel=error', '--prefer-offline', ...waits]
  const stopAsking = askRegistry(node, npm)
  const result = await run(node, args, 'installing packages (npm ci)')
  stopAsking()
  if (result.status === 0) return
  if (unreachable.test(result.output)) {
    fail(
      'The package registry could not be reached, and not all packages are in the cache of npm. Connect this machine to the network\n' +
        '(behind a proxy: npm config set proxy URL), then run this command again.',
    )
  }
  fail(`${result.output.trim().split('\n').slice(-20).join('\n')}\nnpm ci failed; the reason stands above.`)
}

/** Says within five seconds of `npm run` that the registry does not answer, two of which npm may need to start this: npm ci itself tries for
 *  minutes before it gives up. `npm ping` asks the registry and goes by the proxy that npm is configured for; where packets are lost on the way it
 *  is silent for long. */
function askRegistry(node, npm) {
  const asking = spawn(node, [npm, 'ping', '--loglevel=error', '--fetch-retries=0', '--fetch-timeout=3000'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let isOver = false
  const end = (text) => {
    if (!isOver && text !== undefined)
      say(`${text}: is this machine offline? npm goes on with its cache; Ctrl-C ends it.`)
    isOver = true
    clearTimeout(late)
    asking.kill()
  }
  const rest = Math.max(0, 3000 - performance.now())
  const late = setTimeout(() => end('the package registry has not answered yet'), rest)
  let said = ''
  asking.stderr.on('data', (chunk) => (said += chunk))
  asking.on('close', () => end(unreachable.test(said) ? 'the package registry does not answer' : undefined))
  return () => end()
}

/** Every npm command finds the packaged Node first in its PATH; where there is none, the installed Node must be new enough. */
function checkNode() {
  const packaged = join(root, 'node_modules/.bin/node')
  const node = existsSync(packaged) ? packaged : (process.env.npm_node_execpath ?? process.execPath)
  const asked = spawnSync(node, ['--version'], { encoding: 'utf8' })
  const version = asked.stdout?.trim() ?? ''
  if (Number(/^v(\d+)/.exec(version)?.[1] ?? 0) >= neededNode) return
  fail(
    existsSync(packaged)
      ? `The packaged Node does not run on this machine (${version || asked.error?.message || asked.stderr.trim().split('\n')[0]}): ` +
          `install Node ${neededNode} yourself (https://nodejs.org) and remove ${packaged}.`
      : `Nauthera runs on Node ${neededNode} or newer; this is ${version}, and there is no packaged one for ${process.platform}-${process.arch}. ` +
          `Install Node ${neededNode} (https://nodejs.org), then run this command again.`,
  )
}

async function installPrograms(wanted) {
  const missing = wanted.filter(({ programs }) => !programs.some(isInstalled))
  if (missing.length === 0) return
  const packages = missing.map(({ debian }) => debian)
  const command = `apt-get install -y --no-install-recommends ${packages.join(' ')}`
  if (process.getuid?.() === 0 && isInstalled('apt-get')) {
    say(`Installing system packages: ${packages.join(' ')} (${missing.map(({ use }) => use).join(', ')})`)
    // RUNLEVEL=1: install the packages without starting their services
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
    await run('apt-get', ['update', '-q'], 'apt-get update', env)
    const result = await run('apt-get', command.split(' ').slice(1), command, env)
    if (result.status === 0) return
    const failed = `${result.output.trim()}\n${command} failed; the reason stands above.`
    if (missing.some(({ optional }) => !optional)) fail(failed)
    say(`${failed} The tests that need it are skipped.`)
    return
  }
  for (const { programs, use, optional } of missing) {
    say(`${programs.join(' or ')} is missing: needed for ${use}${optional ? '; it is skipped, with a message' : ''}`)
  }
  if (missing.every(({ optional }) => optional)) return
  fail(
    `Install what is missing, then run this command again. Debian and Ubuntu: sudo ${command}` +
      `\nmacOS: brew install ${packages.map((name) => ({ 'redis-server': 'valkey', slapd: 'openldap' })[name] ?? name).join(' ')}`,
  )
}

function isInstalled(program) {
  const places = [
    ...(process.env.PATH ?? '').split(delimiter),
    '/usr/sbin',
    '/sbin',
    '/usr/local/sbin',
    '/usr/lib/openldap',
  ]
  return places.some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** Runs a program and says after 5, 10, 20, 40 s and so on that it still runs. Who ends this ends the program.
 *  @returns its exit code and all that it wrote */
async function run(program, args, title, env = process.env) {
  say(`${title} ...`)
  const started = Date.now()
  const seconds = () => Math.round((Date.now() - started) / 1000)
  const child = spawn(program, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const pass = (signal) => {
    child.kill(signal)
    // npm ci takes a signal as a reason to tidy up, and waits for the network then
    setTimeout(() => child.kill('SIGKILL'), 2000).unref()
  }
  for (const signal of endSignals) process.on(signal, pass)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
  let timer
  const tellAfter = (milliseconds, next) => {
    timer = setTimeout(() => {
      say(`${title}: ${seconds()} s`)
      tellAfter(next, 2 * next)
    }, milliseconds)
  }
  tellAfter(5000, 5000)
  const status = await new Promise((resolve) => {
    child.once('error', (error) => ((output += error.message), resolve(127)))
    child.once('close', (code, signal) => resolve(signal ?? code))
  })
  clearTimeout(timer)
  for (const signal of endSignals) process.off(signal, pass)
  if (endSignals.includes(status)) process.exit(1)
  if (status === 0 && seconds() > 0) say(`${title}: done in ${seconds()} s`)
  return { status, output }
}
