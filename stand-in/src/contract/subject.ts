import { randomBytes } from 'node:crypto'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { expect } from 'chai'
import type { RbacRule } from '../http/rbac.ts'
import type { KubeAnswer, Json, KubeClient } from '../kube-client.ts'

/** A running API that the suite asks: the stand-in or a real one. */
export interface ContractConnection {
  readonly admin: KubeClient
  /** @returns a client of a new user who has these rights only, in force */
  userWith(rules: readonly RbacRule[], namespace: string): Promise<KubeClient>
  stop(): Promise<void>
}

export const group = '/apis/auth.nauthera.io/v1alpha1'
export const apply = 'application/apply-patch+yaml'
export const merge = 'application/merge-patch+json'

export const clientOf = (name: string, spec: object = {}, metadata: object = {}) => ({
  apiVersion: 'auth.nauthera.io/v1alpha1',
  kind: 'OIDCClient',
  metadata: { name, ...metadata },
  spec: { type: 'Web', redirectURIs: ['https://app.example.com/callback'], ...spec },
})
export const secretOf = (name: string, data: Readonly<Record<string, string>> = {}, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, ...metadata },
  data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')])),
})

/** An object as kubectl sends it: a mark, and the bytes of the object in an envelope that says its kind. */
export function protobufOf(kind: string, write: (writer: BinaryWriter) => void): Uint8Array {
  const object = new BinaryWriter()
  write(object)
  const envelope = new BinaryWriter()
  envelope.tag(1, WireType.LengthDelimited).fork()
  envelope.tag(1, WireType.LengthDelimited).string('v1')
  envelope.tag(2, WireType.LengthDelimited).string(kind)
  envelope.join()
  envelope.tag(2, WireType.LengthDelimited).bytes(object.finish())
  return Buffer.concat([Buffer.from('k8s\0', 'latin1'), envelope.finish()])
}

export function expectRefusal(answer: KubeAnswer, code: number, reason: string): void {
  expect(answer.status, JSON.stringify(answer.body)).to.equal(code)
  expect(answer.body).to.include({ kind: 'Status', status: 'Failure', reason, code })
}

/** What the tests of the suite share: one connection, one namespace of their own. */
export class Subject {
  readonly namespace = `contract-${randomBytes(3).toString('hex')}`
  readonly clients = `${group}/namespaces/${this.namespace}/oidcclients`
  readonly secrets = `/api/v1/namespaces/${this.namespace}/secrets`
  #connection: ContractConnection | undefined

  get api(): KubeClient {
    return this.#connection!.admin
  }

  async start(connect: () => Promise<ContractConnection>): Promise<void> {
    this.#connection = await connect()
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: this.namespace } }
    await this.create('/api/v1/namespaces', namespace)
  }

  async end(): Promise<void> {
    await this.api.call('DELETE', `/api/v1/namespaces/${this.namespace}`)
    await this.#connection!.stop()
  }

  userWith(rules: readonly RbacRule[], namespace: string): Promise<KubeClient> {
    return this.#connection!.userWith(rules, namespace)
  }

  /** Creates, and fails the test when the API refuses. */
  readonly create = async (path: string, object: object): Promise<Json> => {
    const { status, body } = await this.api.call('POST', path, { body: object })
    expect(status, JSON.stringify(body)).to.equal(201)
    return body as Json
  }

  readonly applyTo = (path: string, manager: string, body: object, query: Record<string, string | boolean> = {}) =>
    this.api.call('PATCH', path, { query: { fieldManager: manager, ...query }, body, contentType: apply })

  readonly mergeInto = (path: string, body: object) => this.api.call('PATCH', path, { body, contentType: merge })
}
