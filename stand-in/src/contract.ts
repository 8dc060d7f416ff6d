// What the operator and kubectl rely on in the Kubernetes API. The suite runs on the stand-in (npm test) and on a real API server
// (npm run e2e), so the stand-in cannot drift from the truth.
import { builtInKinds } from './contract/built-in-kinds.ts'
import { examples } from './contract/examples.ts'
import { lists } from './contract/lists.ts'
import { rights } from './contract/rights.ts'
import { schemas } from './contract/schemas.ts'
import { serverSideApply } from './contract/server-side-apply.ts'
import { status } from './contract/status.ts'
import { tables } from './contract/tables.ts'
import { watches } from './contract/watches.ts'
import { writes } from './contract/writes.ts'
import type { ContractConnection } from './contract/subject.ts'
import { Subject } from './contract/subject.ts'

/** Declares the tests; call it inside a `describe`. */
export function kubeContract(connect: () => Promise<ContractConnection>): void {
  const subject = new Subject()
  before(async function () {
    this.timeout(60_000)
    await subject.start(connect)
  })
  after(async function () {
    this.timeout(60_000)
    await subject.end()
  })
  const parts = [lists, watches, writes, serverSideApply, status, schemas, examples, tables, builtInKinds, rights]
  for (const part of parts) part(subject)
}
