<% session.invalidate(); %>
