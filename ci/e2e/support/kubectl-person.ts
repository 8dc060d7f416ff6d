// A person of kubectl: a pod that signs in by a code and has a new ID token again and again, and kubectl with nothing but such a token.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RunResult } from '@nauthera/local/processes/read-output'
import type { Json } from '@nauthera/stand-in/kube-client'
import { clusterState } from './api-server.ts'
import { applyObjects, kubectl, tryKubectl, until, whenObject } from './kubernetes.ts'
import { isReady, restrictedContainer, restrictedPod } from './pods.ts'
import type { InstalledProduct } from './product.ts'
import { e2eImage } from './release.ts'

/** What curl does in examples/clients/device.yaml, and then a new ID token every two seconds, also when an answer gets lost meanwhile.
 *  There is no curl in the images of the run. */
const program = `
const { ISSUER, CLIENT } = process.env
const post = async (path, form) => {
  const answer = await fetch(ISSUER + path, { method: 'POST', body: new URLSearchParams({ client_id: CLIENT, ...form }) })
  return answer.json()
}
const say = (value) => console.log(JSON.stringify(value))
const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000))
const run = async () => {
  const asked = await post('/device_authorization', { scope: 'openid email groups offline_access' })
  say(asked)
  const grant_type = 'urn:ietf:params:oauth:grant-type:device_code'
  let tokens = await post('/token', { grant_type, device_code: asked.device_code })
  const first = tokens.error
  for (let wait = asked.interval ?? 5; tokens.error; tokens = await post('/token', { grant_type, device_code: asked.device_code })) {
    if (tokens.error === 'slow_down') wait += 5
    else if (tokens.error !== 'authorization_pending') return say(tokens)
    await pause(wait)
  }
  for (let { refresh_token } = tokens; ; ) {
    say({ first, ...tokens })
    await pause(2)
    tokens = await post('/token', { grant_type: 'refresh_token', refresh_token }).catch((error) => ({ error: String(error.cause ?? error) }))
    refresh_token = tokens.refresh_token ?? refresh_token
  }
}
run().catch((error) => say({ error: String(error.cause ?? error) }))`

const podName = 'device'

/** Answers of the issuer, oldest first: of the device authorization, then of each token request. */
export const answersOf = async ({ team }: InstalledProduct, ...flags: string[]): Promise<Json[]> =>
  (await kubectl('-n', team, 'logs', podName, ...flags))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Json)

/** @returns when the pod has its code */
export async function startPerson(product: InstalledProduct): Promise<void> {
  await applyObjects([podOf(product)])
  await whenObject(`/api/v1/namespaces/${product.team}/pods`, podName, isReady, 30_000)
  await until('the code of the pod', async () => (await answersOf(product)).length > 0)
}

/** The newest ID token that is as wanted. */
export async function newIdToken(
  product: InstalledProduct,
  isWanted: (token: string) => boolean = () => true,
  timeoutMs = 30_000,
): Promise<string> {
  let found: string | undefined
  await until(
    'an ID token of the pod',
    async () => {
      found = (await answersOf(product, '--tail=3'))
        .map(({ id_token: token }) => token as unknown)
        .filter((token): token is string => typeof token === 'string')
        .findLast(isWanted)
      return found !== undefined
    },
    timeoutMs,
  )
  return found!
}

/** kubectl with nothing but an ID token. */
export async function asPerson(token: string, ...args: string[]): Promise<RunResult> {
  const kubeconfig = JSON.parse(await kubectl('config', 'view', '--raw', '--flatten', '-o', 'json')) as Json
  const file = join(clusterState, 'person.kubeconfig')
  const users = kubeconfig.users.map(({ name }: Json) => ({ name, user: { token } }))
  writeFileSync(file, JSON.stringify({ ...kubeconfig, users }), { mode: 0o600 })
  return tryKubectl('--kubeconfig', file, ...args)
}

/** @throws Error when the API server does not take the token */
export async function whoami(token: string): Promise<Json> {
  const { stdout, stderr, code } = await asPerson(token, 'auth', 'whoami', '-o', 'json')
  if (code !== 0) throw new Error(stderr)
  return JSON.parse(stdout).status.userInfo as Json
}

export const isLetIn = async (token: string): Promise<boolean> => (await asPerson(token, 'auth', 'whoami')).code === 0

const podOf = ({ team, release }: InstalledProduct): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: podName, namespace: team },
  spec: {
    ...restrictedPod,
    terminationGracePeriodSeconds: 0,
    restartPolicy: 'Never',
    containers: [
      {
        ...restrictedContainer,
        name: podName,
        image: e2eImage('driver:1'),
        args: ['-e', program],
        env: [
          { name: 'NODE_EXTRA_CA_CERTS', value: '/ca/ca.crt' },
          { name: 'ISSUER', value: release.issuer },
          { name: 'CLIENT', value: `${team}.kubernetes` },
        ],
        volumeMounts: [{ name: 'ca', mountPath: '/ca' }],
      },
    ],
    volumes: [{ name: 'ca', configMap: { name: 'ca' } }],
  },
})
