package server

// analyticsAPI lists the features that look at data.
func (s *Server) analyticsAPI() {
	s.catalogAPI()
	s.exploreAPI()
	s.rulesAPI()
	s.dashboardsAPI()
	s.notebooksAPI()
}
