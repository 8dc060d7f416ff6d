// What nothing uses: exports, files, dependencies. The compiler looks inside a file only, and oxlint has no rule across files; knip needs a second, no
// network and no compiler. `npm run check` asks twice: for all of the sources, and (--production: the patterns that end in !) for what ships and the
// scripts, which finds what only tests keep alive. An exception stands at its export: `@public` (a program takes it by name) or `@internal` (tests alone need
// it, and why). Below is what no import shows; an entry that matches nothing is an error.
import type { KnipConfig } from 'knip'

/** Started by their path: no import leads to them. */
const programs = [
  'scripts/*.{ts,mjs}',
  'scripts/dev/sample-app.ts',
  'ci/e2e/{run,support/hooks,driver/main,driver/mail-server,images/registry}.ts',
  'ci/e2e/images/postgresql.mjs',
  'ci/bench/run.ts',
  'ci/sizing/run.ts',
  'ci/bench/sides/{bare-server,stock-server}.ts',
  'ci/bench/cost/profile-hook.ts',
  'charts/nauthera/files/tests/*.mjs',
].map((file) => `${file}!`)

const shipped = { entry: ['test/**/*.test.ts'], project: ['src/**/*.ts!', 'test/**/*.ts'] }
const forTests = { entry: ['test/**/*.test.ts'], project: ['**/*.ts'] }

const config = ({ production = false }: { production?: boolean }): KnipConfig => ({
  workspaces: {
    '.': {
      entry: [...programs, '{ci,scripts,charts}/**/*.{test,e2e}.ts'],
      project: ['*.ts', '{scripts,ci,charts}/**/*.{ts,mjs}', '!ci/programs/*/{app,read,vite.config}.mjs'],
      ignoreDependencies: ['@bufbuild/buf'], // a program: scripts/check.ts and scripts/generate.ts start it
    },
    proto: shipped,
    rules: shipped,
    runtime: shipped,
    server: { ...shipped, ignoreBinaries: ['openssl', 'pgbouncer'] }, // tests compare with the one, and run on the other where it is
    'config-agent': shipped,
    operator: { ...shipped, ignoreBinaries: ['kubectl'] }, // of whoever calls the plugin
    'stand-in': forTests,
    local: forTests,
    harness: { project: ['**/*.ts'], ignoreDependencies: ['axe-core'] }, // read as a file: harness/src/chromium.ts
  },
  ignoreWorkspaces: production ? ['stand-in', 'local', 'harness'] : [],
  // The `exports` of a workspace open each of its files, so to knip each is an entry: report what nobody takes from them.
  includeEntryExports: true,
  // A pure function that its own file uses may be exported for its tests, and a shape that an exported function takes or gives
  // for whoever has to name it.
  ignoreExportsUsedInFile: production ? true : { interface: true, type: true },
  ignore: ['**/generated/**'],
  ignoreBinaries: ['go', 'lua5.1', 'mkfifo', 'nsenter', 'unshare'],
})

export default config
