import { useProduct } from './support/product.ts'
import { useSecondRelease } from './support/second-release.ts'

// ci/e2e/releases.e2e.ts tests it. It takes minutes, most of them at the pace of the kubelet: others are tested meanwhile.

describe('a second release', () => {
  it('begins beside the first', async function () {
    this.timeout(240_000)
    await useProduct()
    // told by the file that needs it
    useSecondRelease().catch(() => undefined)
  })
})
