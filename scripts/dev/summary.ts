import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { Stack } from '@nauthera/local/product/stack'
import { releaseNamespace } from '@nauthera/local/product/stack'

/** @returns what to open and what to type, line by line */
export function renderSummary(found: {
  stack: Stack
  kubeconfig: string
  sample: string
  person: { name: string; password: string }
  client: string
  revision: string
  replicas: number
  seconds: number
  /** Whether the product goes on running afterwards. */
  goesOn: boolean
}): string[] {
  const { stack, sample, person, revision, replicas, seconds } = found
  const addresses = stack.pods.map(({ name, port }) => `${name} http://127.0.0.1:${port}`)
  const lines = [
    '',
    `Ready after ${seconds} s: revision ${revision}, a token of ${replicas === 1 ? 'the replica' : `each of ${replicas} replicas`} verified`,
    '',
    `  Issuer      ${stack.issuer}${isElsewhere(stack) ? ` (your proxy forwards to http://127.0.0.1:${stack.frontPort})` : ''}`,
    `  Sample app  ${sample}   sign in as ${person.name}, password ${person.password}`,
    ...addresses.map((address, index) => `  ${index === 0 ? 'Replicas' : '        '}    ${address}`),
    '  Mail        no mail is sent yet',
    '',
  ]
  if (!found.goesOn) return lines
  const kubectl = `kubectl --kubeconfig ${found.kubeconfig}`
  lines.push(
    'Try, in another terminal:',
    `  ${kubectl} get oidcclients -A`,
    `  ${kubectl} apply -f examples/clients/web.yaml`,
    `  ${kubectl} logs -n ${releaseNamespace} ${stack.pods[0]!.name} -c config-agent -f`,
    `  ${kubectl} apply -f examples/bad/redirect-http.yaml`,
    `  npm run dev -- --rotate ${found.client}`,
    '',
  )
  if (!hasKubectl()) lines.push('kubectl is not in the PATH; install it: https://kubernetes.io/docs/tasks/tools/', '')
  return lines
}

const isElsewhere = ({ issuer, frontPort }: Stack): boolean => issuer !== `http://localhost:${frontPort}`

function hasKubectl(): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((directory) => existsSync(join(directory, 'kubectl')))
}
