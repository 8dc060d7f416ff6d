// The application of the page: Passport on Express. The environment is the Secret.
import express from 'express'
import session from 'express-session'
import passport from 'passport'
import OpenIDConnectStrategy from 'passport-openidconnect'

const env = process.env
passport.use(
  new OpenIDConnectStrategy(
    {
      issuer: env.issuer,
      authorizationURL: env.authorization_endpoint,
      tokenURL: env.token_endpoint,
      userInfoURL: env.userinfo_endpoint,
      clientID: env.client_id,
      clientSecret: env.client_secret,
      callbackURL: env.OIDC_REDIRECT_URI,
      scope: ['profile', 'email', 'groups'],
      nonce: true,
    },
    async (issuer, profile, context, idToken, accessToken, refreshToken, done) => {
      const answer = await fetch(env.userinfo_endpoint, { headers: { authorization: `Bearer ${accessToken}` } })
      const { groups } = await answer.json()
      done(null, { name: profile.displayName, email: profile.emails[0].value, groups })
    },
  ),
)
passport.serializeUser((person, done) => done(null, person))
passport.deserializeUser((person, done) => done(null, person))
const app = express()
app.use(session({ secret: 'a secret for this trial alone', resave: false, saveUninitialized: false }))
app.use(passport.session())
app.get('/login', passport.authenticate('openidconnect'))
app.get('/callback', passport.authenticate('openidconnect', { successRedirect: '/', failureMessage: true }))
app.get('/logout', (request, response, next) =>
  request.logout((error) => (error ? next(error) : response.redirect('/'))),
)
app.get('/', (request, response) => response.json(request.user ?? {}))
app.listen(Number(env.PORT), '127.0.0.1')
