// The application of the page: express-openid-connect reads its variables, which are the Secret, by itself.
import express from 'express'
import oidc from 'express-openid-connect'

const app = express()
app.use(
  oidc.auth({
    authRequired: false,
    // its default is the implicit flow, which is not served
    authorizationParams: { response_type: 'code', scope: 'openid profile email groups offline_access' },
    idpLogout: true,
  }),
)
app.get('/', (request, response) => response.json(request.oidc.user ?? {}))
app.get('/refresh', async (request, response) => {
  const { token_type } = await request.oidc.accessToken.refresh()
  response.json({ token_type })
})
app.listen(Number(process.env.PORT), '127.0.0.1')
