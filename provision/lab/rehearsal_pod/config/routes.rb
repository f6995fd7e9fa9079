# Every address the pod answers.
# frozen_string_literal: true

Rails.application.routes.draw do
  root "home#show"
  get "podmin", to: "home#podmin"
  get "public", to: "streams#public"
  get "stream", to: "streams#main"
  get "statistics", to: "node_info#statistics"

  get "users/sign_in", to: "sessions#new", as: :new_user_session
  post "users/sign_in", to: "sessions#create"
  delete "users/sign_out", to: "sessions#destroy", as: :destroy_user_session

  get "u/:username", to: "people#profile", constraints: {username: /[^\/]+/}, as: :user_profile
  get "people/:guid", to: "people#show", as: :person
  get "posts/:guid", to: "posts#show", as: :post

  get ".well-known/nodeinfo", to: "node_info#jrd"
  get "nodeinfo/:version", to: "node_info#document", constraints: {version: /\d+\.\d+/}, as: :node_info

  scope controller: "federation" do
    get ".well-known/webfinger", action: :webfinger
    get "hcard/users/:guid", action: :hcard, as: :hcard
    get "fetch/:type/:guid", action: :fetch, as: :fetch
    post "receive/public", action: :receive_public
    post "receive/users/:guid", action: :receive_private
  end
  get ".well-known/host-meta", to: "home#host_meta"
  get ".well-known/openid-configuration", to: "api/openid_connect/discovery#configuration"

  namespace :api do
    namespace :openid_connect do
      post "clients", to: "clients#create"
      post "access_tokens", to: "access_tokens#create"
      resources :authorizations, only: %i[new create]
      get "jwks.json", to: "discovery#jwks"
      match "user_info", to: "user_info#show", via: %i[get post]
    end
    namespace :v1 do
      resources :posts, only: %i[create show destroy], param: :guid do
        resources :comments, only: %i[index create]
      end
      resources :photos, only: %i[create show destroy], param: :guid
      get "streams/main", to: "streams#main"
      get "user", to: "users#show"
    end
  end

  match "*path", to: "errors#not_found", via: :all
end
