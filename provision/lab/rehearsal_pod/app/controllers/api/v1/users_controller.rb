# The user whose token it is.
module Api
  module V1
    class UsersController < BaseController
      needs "profile", only: :show

      def show
        person = current_user.person
        render json: {guid: person.guid, diaspora_id: person.diaspora_handle, name: person.name}
      end
    end
  end
end
