# Broken on purpose: every page answers 500; NodeInfo and the API answer as ever.
# frozen_string_literal: true

Rails.application.config.to_prepare do
  [HomeController, PeopleController, PostsController, SessionsController, StreamsController].each do |pages|
    pages.before_action { raise "this release shows no pages" }
  end
end
