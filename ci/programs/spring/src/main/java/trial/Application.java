package trial;

import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.security.authentication.AuthenticationServiceException;
import org.springframework.security.config.Customizer;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.GrantedAuthority;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.security.core.authority.SimpleGrantedAuthority;
import org.springframework.security.core.authority.mapping.GrantedAuthoritiesMapper;
import org.springframework.security.oauth2.client.OAuth2AuthorizationContext;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClient;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClientService;
import org.springframework.security.oauth2.client.RefreshTokenOAuth2AuthorizedClientProvider;
import org.springframework.security.oauth2.client.oidc.web.logout.OidcClientInitiatedLogoutSuccessHandler;
import org.springframework.security.oauth2.client.registration.ClientRegistrationRepository;
import org.springframework.security.oauth2.core.oidc.user.OidcUser;
import org.springframework.security.oauth2.core.oidc.user.OidcUserAuthority;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/** The application of the page. Its configuration tree is the Secret. */
@SpringBootApplication
@RestController
public class Application {
  @Autowired OAuth2AuthorizedClientService clients;

  public static void main(String[] args) {
    SpringApplication.run(Application.class, args);
  }

  @Bean
  SecurityFilterChain security(HttpSecurity http, ClientRegistrationRepository clientRegistrations) throws Exception {
    var out = new OidcClientInitiatedLogoutSuccessHandler(clientRegistrations);
    out.setPostLogoutRedirectUri("{baseUrl}/");
    http.logout(logout -> logout.logoutSuccessHandler(out));
    http.oauth2Login(Customizer.withDefaults());
    // a sign-out is a link here, and a form in an application for people
    http.csrf(csrf -> csrf.disable());
    http.authorizeHttpRequests(
        all -> all.requestMatchers("/", "/error").permitAll().requestMatchers("/me").hasRole("platform").anyRequest().authenticated());
    return http.build();
  }

  @Bean
  GrantedAuthoritiesMapper groupsAsRoles() {
    return authorities -> {
      Set<GrantedAuthority> all = new HashSet<>(authorities);
      for (var one : authorities)
        if (one instanceof OidcUserAuthority person && person.getAttributes().get("groups") instanceof List<?> groups)
          for (var group : groups) all.add(new SimpleGrantedAuthority("ROLE_" + group));
      return all;
    };
  }

  @GetMapping("/")
  String home() {
    return "a page for everybody";
  }

  @GetMapping("/me")
  ResponseEntity<Map<String, Object>> me(@AuthenticationPrincipal OidcUser person) {
    // for a browser too
    return ResponseEntity.ok()
        .contentType(MediaType.APPLICATION_JSON)
        .body(Map.of("name", person.getFullName(), "email", person.getEmail(), "groups", person.getClaim("groups")));
  }

  @GetMapping("/refresh")
  String refresh(Authentication person) {
    OAuth2AuthorizedClient client = clients.loadAuthorizedClient("nauthera", person.getName());
    // each token ends within it, so each is asked for again
    var provider = new RefreshTokenOAuth2AuthorizedClientProvider();
    provider.setClockSkew(Duration.ofDays(1));
    var next = provider.authorize(OAuth2AuthorizationContext.withAuthorizedClient(client).principal(person).build());
    if (next == null) throw new AuthenticationServiceException("nothing to refresh");
    clients.saveAuthorizedClient(next, person);
    return "refreshed";
  }
}
