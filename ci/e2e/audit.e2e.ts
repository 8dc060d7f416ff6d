import { expect } from 'chai'
import { kubectl, until } from './support/kubernetes.ts'
import { useProduct } from './support/product.ts'
import { refusedTokens } from './support/refused-tokens.ts'

describe('the audit log on a real cluster', function () {
  this.timeout(120_000)

  it('T30 says why each token of the platform was refused', async function () {
    if (refusedTokens.length === 0) {
      process.stderr.write('      ci/e2e/secretless.e2e.ts has not run: no token of the platform was refused\n')
      this.skip()
    }
    expect(refusedTokens).to.have.length(3)
    const { release, team } = await useProduct()
    const target = ['-n', release.namespace, 'exec', `deploy/${release.name}-server`, '-c', 'server', '--']
    const about = ['--event', 'client.auth_failed', '--client', `${team}.report-writer`]
    // refusals are written once a minute
    await until(
      'their reasons in the audit log',
      async () => {
        const said = await kubectl(...target, 'nauthera', 'audit', 'search', ...about, '-o', 'json')
        const rows = JSON.parse(said) as { reason: string }[]
        return refusedTokens.every((reason) => rows.some((row) => row.reason === reason))
      },
      90_000,
    )
  })
})
