import io.quarkus.oidc.IdToken;
import io.quarkus.security.Authenticated;
import io.quarkus.security.identity.SecurityIdentity;
import io.vertx.core.json.JsonObject;
import jakarta.inject.Inject;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import java.util.List;
import org.eclipse.microprofile.jwt.JsonWebToken;

/** Who is signed in, for a browser. */
@Path("/me")
@Authenticated
public class Me {
  @Inject @IdToken JsonWebToken token;
  @Inject SecurityIdentity identity;

  @GET
  @Produces("text/html")
  public String me() {
    return new JsonObject()
        .put("name", identity.getPrincipal().getName())
        .put("email", token.<String>getClaim("email"))
        .put("roles", List.copyOf(identity.getRoles()))
        .encode();
  }
}
