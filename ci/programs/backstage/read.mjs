// Reads app-config.yaml with the loader of Backstage and the schemas of its packages.
import { ConfigSources, loadConfigSchema } from '@backstage/config-loader'

const dependencies = ['plugin-auth-backend', 'plugin-auth-backend-module-oidc-provider'].map(
  (name) => `@backstage/${name}`,
)
try {
  const argv = ['--config', process.argv[2]]
  const config = await ConfigSources.toConfig(ConfigSources.default({ argv, watch: false }))
  const schema = await loadConfigSchema({ dependencies })
  schema.process([{ data: config.get(), context: 'app-config.yaml' }])
  const provider = config.get('auth.providers.oidc.production')
  console.log(`taken, with ${provider.clientId} at ${provider.metadataUrl}`)
} catch (error) {
  console.log(error.message)
}
process.exit()
