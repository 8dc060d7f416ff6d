// The door to Secrets of clients: closed in the namespaces of joined clusters, whose secrets never come here.
import { clusterOf } from '@nauthera/rules/tenants'
import type { SecretStore } from '../kubernetes/conditional-write.ts'

type ReadByName<T> = (namespace: string, name: string) => Promise<T | undefined>

/** @returns the same, without a call where a joined cluster is: nothing is there */
export const readOutsideClusters =
  <T>(read: ReadByName<T>): ReadByName<T> =>
  async (namespace, name) =>
    clusterOf(namespace) === undefined ? await read(namespace, name) : undefined

/** @returns the same store, which creates nothing where a joined cluster is */
export const storeOutsideClusters = (store: SecretStore): SecretStore => ({
  ...store,
  read: readOutsideClusters(store.read),
  create: async (wanted) => {
    if (clusterOf(wanted.namespace) !== undefined) throw new Error(`no Secret is written in ${wanted.namespace}`)
    return await store.create(wanted)
  },
})
