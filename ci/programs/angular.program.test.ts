import { join } from 'node:path'
import { trySinglePage } from './support/single-page.ts'

const version = '22.0.1'
const framework = ['common', 'compiler', 'compiler-cli', 'core', 'platform-browser', 'router']

trySinglePage({
  page: 'angular',
  name: 'Angular 22.2.6 with angular-auth-oidc-client, built by its CLI 22.2.7',
  version,
  packages: [
    `angular-auth-oidc-client@${version}`,
    ...framework.map((part) => `@angular/${part}@22.2.6`),
    '@angular/build@22.2.7',
    '@angular/cli@22.2.7',
    'rxjs@7.8.2',
    'tslib@2.8.1',
    'typescript@6.0.2',
  ],
  shown: { 'src/main.ts': 'bootstrapApplication(' },
  build: (from, into) => ({
    command: process.execPath,
    args: [join(from, 'node_modules/@angular/cli/bin/ng.js'), 'build', '--output-path', into],
    cwd: from,
    served: join(into, 'browser'),
  }),
})
