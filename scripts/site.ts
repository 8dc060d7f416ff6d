// npm run site: docs/ as a site that shows each change at once. npm run site -- --build: the files of it, for any web server.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, watch } from 'node:fs'
import { readCommandLine } from './command-line.ts'
import { stage } from './site/stage.ts'

const usage = `Usage: npm run site [-- --build] [--port N] [--base PATH] [--repository URL]

Shows docs/ as a site, and again after each change of a page.

  --build           write the site to site/dist and end
  --port N          default: 5173; on the loopback address
  --base PATH       where a web server shows it. Default: /
  --repository URL  where files of the repository are shown, such as https://example.org/nauthera/blob/main: files that are no
                    page get links, and pages get an edit link
`
const { values } = readCommandLine(usage, {
  build: { type: 'boolean', default: false },
  port: { type: 'string', default: '5173' },
  base: { type: 'string', default: '/' },
  repository: { type: 'string' },
})

const pages = 'site/pages'
const program = 'site/node_modules/vitepress/bin/vitepress.js'
if (!existsSync(program)) {
  process.stderr.write('Installing the packages of the site (npm ci in site/) ...\n')
  execFileSync('npm', ['ci', '--loglevel=error'], { cwd: 'site', stdio: ['ignore', 'ignore', 'inherit'] })
}
stage(pages, values.repository)
const vitepress = spawn(
  process.execPath,
  [
    program,
    ...(values.build ? ['build', 'site'] : ['dev', 'site', '--host', '127.0.0.1', '--port', values.port]),
    '--base',
    values.base,
  ],
  {
    stdio: 'inherit',
    env: { ...process.env, ...(values.repository === undefined ? {} : { NAUTHERA_REPOSITORY: values.repository }) },
  },
)
if (!values.build) for (const folder of ['docs', 'charts/nauthera', '.']) follow(folder)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => vitepress.kill(signal))
vitepress.once('close', (code) => process.exit(code ?? 1))

/** Takes the pages again when a file changes; a burst of events is one change. */
function follow(folder: string) {
  let isWaiting = false
  watch(folder, { recursive: folder === 'docs' }, (_, name) => {
    if (isWaiting || !/\.(md|svg)$/.test(name ?? '')) return
    isWaiting = true
    setTimeout(() => {
      isWaiting = false
      stage(pages, values.repository)
    }, 100)
  })
}
