import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describeExtras } from './extras.ts'
import type { Extra } from './extras.ts'
import type { DemoDirectory } from './directory.ts'
import type { DemoUpstream } from './upstream.ts'
import type { Stack } from '@nauthera/local/product/stack'

/** @returns what to open and what to type, line by line */
export function renderSummary(found: {
  stack: Stack
  /** Files and directories as a person types them here. */
  kubeconfig: string
  logs: string
  /** Where the Secret of the client lies, as a pod has it. */
  secret: string
  sample: string
  /** The page with the mails. */
  inbox: string
  person: { name: string; password: string }
  /** Who has an authenticator app, with its secret. */
  careful: { name: string; password: string; seed: string } | undefined
  /** Of the directory, where there is one. */
  people: DemoDirectory['people']
  upstream: DemoUpstream | undefined
  /** Names of a web client and of a machine. */
  web: string
  machineId: string
  seconds: number
  extras: ReadonlySet<Extra>
  /** How a later command of this run begins, up to its options. */
  dev: string
  /** Whether the state is where everybody has it. */
  isUsual: boolean
  /** Settings of a server. */
  settings: string
  /** Whether the product goes on running afterwards. */
  goesOn: boolean
}): string[] {
  const { stack, sample, person, careful, people, upstream, seconds, goesOn } = found
  const replicas = stack.pods.length
  const addresses = stack.pods.map(({ name, port }) => `${name} http://127.0.0.1:${port}`)
  const lines = [
    '',
    `Ready after ${seconds} s: ${replicas === 1 ? 'the replica gave a token' : `each of ${replicas} replicas gave a token`}, and it verifies.`,
    '',
    `  Issuer    ${stack.issuer}${isElsewhere(stack) ? ` (your proxy forwards to http://127.0.0.1:${stack.frontPort})` : ''}`,
    `  Person    ${person.name}, password ${person.password}`,
    ...(careful
      ? [`            ${careful.name}, password ${careful.password}, authenticator secret ${careful.seed}`]
      : []),
    ...people.map(
      ({ name, password, groups }) => `  Directory ${name}, password ${password}, in ${groups.join(' and ')} (LDAP)`,
    ),
    ...(upstream
      ? [`  Upstream  ${upstream.issuer} with ${upstream.person.name}, password ${upstream.person.password}`]
      : []),
    `  Sample    ${sample}${goesOn ? ' (open it, and sign in)' : ''}`,
    `  Inbox     ${found.inbox} (the mails that people get)`,
    ...(replicas === 1
      ? []
      : addresses.map((address, index) => `  ${index === 0 ? 'Replicas' : '        '}  ${address}`)),
  ]
  if (!goesOn) return [...lines, '', 'All of it ends now: --once only shows that everything starts.', '']
  const { dev } = found
  const nauthera = found.isUsual ? 'npm run nauthera --' : `npm run nauthera -- --settings ${found.settings}`
  const codeCommand = `${dev.replace('run', 'run -s')} --code`
  const kubectl = `kubectl --kubeconfig ${found.kubeconfig}`
  const tokenUrl = `${stack.issuer.replace(/\/$/, '')}/token`
  lines.push(
    `  Logs      ${found.logs}/*.log, a file for each process; with --verbose you see every line here`,
    '',
    'A token, as a program gets one:',
    `  curl -su ${found.machineId}:$(cat ${found.secret}/client_secret) -d grant_type=client_credentials ${tokenUrl}`,
    'The same without a secret: the program shows the token that its pod has as a ServiceAccount:',
    `  curl -s ${tokenUrl} -d grant_type=client_credentials -d client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer \\`,
    `    -d client_assertion=$(${kubectl} -n demo create token report-writer --audience ${stack.issuer} --bound-object-kind Pod --bound-object-name report-writer-0)`,
    '',
    'Try next, in another terminal:',
    ...describeExtras(found.extras, { issuer: stack.issuer, inbox: found.inbox, codeCommand }),
    `  ${dev} --rotate ${found.web}      a new secret while requests go on: watch it at ${sample}`,
    ...(careful ? [`  ${codeCommand}              the code of ${careful.name}'s authenticator app`] : []),
    `  ${nauthera} users list        the server's command line`,
    `  ${kubectl} get oidcclients -A`,
    `  ${kubectl} apply -f examples/bad/redirect-http.yaml`,
    ...(hasKubectl() ? [] : ['  (kubectl is not in the PATH: https://kubernetes.io/docs/tasks/tools/)']),
    '',
    'Changes of clients appear below as they become live. Ctrl-C ends everything; the state is kept for the next start.',
  )
  return lines
}

const isElsewhere = ({ issuer, frontPort }: Stack): boolean => issuer !== `http://localhost:${frontPort}`

function hasKubectl(): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((directory) => existsSync(join(directory, 'kubectl')))
}
