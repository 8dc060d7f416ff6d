import { headerOfJwt } from '@nauthera/harness/flows'
import { expect } from 'chai'
import { reloadAuthentication } from './support/api-server.ts'
import { answersOf, isLetIn, newIdToken, whoami } from './support/kubectl-person.ts'
import { until } from './support/kubernetes.ts'
import { useProduct } from './support/product.ts'
import type { InstalledProduct } from './support/product.ts'
import { record } from './support/report.ts'
import { begunSigningRotation, rotateKeys } from './support/signing-rotation.ts'
import type { SigningRotation } from './support/signing-rotation.ts'

describe('signing keys and kube-apiserver, which keeps /jwks for 5 minutes', function () {
  this.timeout(480_000)
  let product: InstalledProduct
  let rotation: SigningRotation

  before(async function () {
    const begun = await begunSigningRotation()
    if (begun === undefined) {
      process.stderr.write('ci/e2e/kubectl.e2e.ts has not run: a rotation of signing keys is not tested with kubectl\n')
      this.skip()
    }
    rotation = begun
    product = await useProduct()
  })

  const isOfNewKey = (token: string) => headerOfJwt(token)['kid'] === rotation.kid

  it('kubectl goes on with new and old ID tokens when a key signs that keys rotate --now has published', async () => {
    await newIdToken(product, isOfNewKey, Math.max(0, rotation.activeAt - Date.now()) + 60_000)
    const tokens = (await answersOf(product)).map(({ id_token: token }) => token as string | undefined)
    const given = tokens.filter((token) => token !== undefined)
    // the API server has not met the key yet: it has to read /jwks, and may
    expect((await whoami(given.findLast(isOfNewKey)!)).groups).to.include('oidc:platform')
    expect((await whoami(given.findLast((token) => !isOfNewKey(token))!)).groups).to.include('oidc:platform')
  })

  it('after a cut it refuses new ID tokens and takes old ones, until its file changes', async () => {
    const before = await newIdToken(product, isOfNewKey)
    const made = await rotateKeys(product, '--now', '--cut', '--yes')
    const kid = made.find(({ alg }) => alg === 'RS256')!.id
    const after = await newIdToken(product, (token) => headerOfJwt(token)['kid'] === kid)
    expect({ before: await isLetIn(before), after: await isLetIn(after) }).to.deep.equal({ before: true, after: false })

    // as docs/keys.md says
    reloadAuthentication()
    const began = performance.now()
    await until('the API server has read the keys again', () => isLetIn(after), 60_000)
    record({ name: 'kubectl.after-cut', value: (performance.now() - began) / 1000, unit: 's', target: null })
    expect(await isLetIn(before)).to.equal(false)
  })
})
