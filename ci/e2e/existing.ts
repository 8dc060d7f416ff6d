// The cluster of somebody else: which one it is, and what must be true of it before anything is made there.
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { reapDirectory } from '@nauthera/local/processes/reaper'
import { isPreviousBuilt } from './previous.ts'
import { kubectl, root, tryKubectl } from './support/kubernetes.ts'

/** What `kubectl config view --minify` says of the one context. */
export interface KubeconfigView {
  readonly clusters?: readonly { readonly cluster: { readonly server: string } }[] | null
  readonly users?: readonly { readonly user: Readonly<Record<string, unknown>> }[] | null
  readonly 'current-context'?: string
}

/** Two programs speak to the cluster: kubectl, and a plain client that knows certificates and tokens only.
 *  @returns why this run cannot use it; undefined when it can */
export function checkView(view: KubeconfigView): string | undefined {
  if (!view.clusters?.[0] || !view.users?.[0]) return 'KUBECONFIG names no cluster with a user as its current context'
  const { user } = view.users[0]
  if (user['token'] !== undefined || user['client-certificate-data'] !== undefined) return undefined
  return (
    'the user of KUBECONFIG has neither a certificate nor a token (a program gets it): ' +
    'make a service account with the ClusterRole cluster-admin, and a kubeconfig with its token (kubectl create token)'
  )
}

/** Looks, and changes nothing in the cluster.
 *  @param about.needsImages the files that run install the product
 *  @returns a kubeconfig of the current context alone
 *  @throws Error that says what to do when the tests cannot, or should not, run there */
export async function useExisting(say: (line: string) => void, about: { needsImages: boolean }): Promise<string> {
  if (!process.env['KUBECONFIG']) throw new Error('NAUTHERA_E2E_CLUSTER=existing needs KUBECONFIG')
  const text = await kubectl('config', 'view', '--minify', '--flatten', '--raw', '--output=json')
  const view = JSON.parse(text) as KubeconfigView
  const fault = checkView(view)
  if (fault !== undefined) throw new Error(fault)
  say(`using the cluster ${view.clusters![0]!.cluster.server} of context ${view['current-context']}`)

  const mayAll = await tryKubectl('auth', 'can-i', '*', '*', '--all-namespaces')
  if (mayAll.stdout.trim() !== 'yes') {
    const said = `${mayAll.stdout}${mayAll.stderr}`.trim()
    throw new Error(`the user of KUBECONFIG must have every right (cluster-admin); kubectl says: ${said}`)
  }
  const definitions = await kubectl('get', 'customresourcedefinitions', '--output=name')
  const ours = definitions.match(/[a-z]+\.auth\.nauthera\.io$/gm) ?? []
  if (ours.length > 0) {
    throw new Error(
      `the cluster has ${ours.join(', ')}: a release of Nauthera may serve people there, and this run would change and remove ` +
        `its definitions. Use another cluster, or, when nothing there needs them: kubectl delete crd ${ours.join(' ')}`,
    )
  }
  if (about.needsImages && !(await isPreviousBuilt())) {
    throw new Error('the chart and the images of the build before this one are not there: npm run e2e -- --images')
  }
  mkdirSync(join(root, '.nauthera'), { recursive: true })
  const directory = mkdtempSync(join(root, '.nauthera/e2e-existing-'))
  reapDirectory(directory)
  const file = join(directory, 'kubeconfig')
  writeFileSync(file, text, { mode: 0o600 })
  return file
}
