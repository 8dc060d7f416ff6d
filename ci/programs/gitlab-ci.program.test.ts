import { join } from 'node:path'
import { readByCommand, tryConfiguration } from './support/configuration.ts'
import { pipInstall } from './support/prepare.ts'

const version = '0.39.0'

tryConfiguration({
  page: 'gitlab-ci',
  name: "GitLab CI, by GitLab's schema in check-jsonschema",
  version,
  prepare: () => pipInstall(`check-jsonschema@${version}`, [`check-jsonschema==${version}`]),
  block: 'id_tokens:',
  read: (text, bin) =>
    readByCommand(text, '.gitlab-ci.yml', (path) => ({
      command: join(bin, 'check-jsonschema'),
      args: ['--builtin-schema', 'vendor.gitlab-ci', '--data-transform', 'gitlab-ci', path],
    })),
  taken: 'ok -- validation done',
  mistake: { right: 'aud:', wrong: 'audience:', said: "'aud' is a required property" },
})
