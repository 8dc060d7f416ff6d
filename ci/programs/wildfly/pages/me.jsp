<%@ page contentType="application/json" %>{
  "name": "<%= request.getUserPrincipal().getName() %>",
  
  "admin": <%= request.isUserInRole("admin") %>
}
